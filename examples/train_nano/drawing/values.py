"""Names of fields and goods, and a fitting value for each: what forms, receipts and tables are filled with."""

from . import words
from .colours import COLOURS

_FIELDS = (
    "Name,Date,City,Phone,Email,Address,Country,Age,Order,Order number,Invoice number,Customer,Amount,Due date,Status,"
    "Reference,Account,Room,Price,Weight,Height,Color,Size,Model,Serial number,Department,Manager,Company,Title,Author,"
    "Year,Code,ID,Quantity,Time,Gate,Flight,Seat,Doctor,Patient,School,Grade,Teacher,Project,Version,Language,Website,"
    "Balance,Discount,Total,Tax,Subtotal,Payment,Cashier,Table,Delivery,Category,Brand,Birthday,Signature"
)
FIELDS = _FIELDS.split(",")
_GOODS = (
    "Coffee Tea Milk Bread Apples Bananas Cheese Butter Eggs Rice Pasta Soup Salad Burger Pizza Fries Water Juice Soda "
    "Cake Cookie Muffin Bagel Sandwich Wrap Chicken Fish Steak Beans Sugar Salt Honey Jam Yogurt Cereal Soap Towel Pen "
    "Notebook Paper Stapler Lamp Battery Cable Mouse Keyboard Socks Shirt Hat Gloves Candle"
)
GOODS = _GOODS.split()
_SHOPS = "Market Store Cafe Bakery Diner Grocery Deli Shop Bistro Kitchen Foods Mart Supply Books Hardware Pharmacy"
SHOPS = _SHOPS.split()
_TITLES = "INVOICE FORM TICKET ORDER REPORT Invoice Application Registration Booking Receipt Badge Label"
TITLES = _TITLES.split()

_PERSON = {"name", "customer", "manager", "author", "doctor", "patient", "teacher", "cashier", "signature"}
_MONEY = {"amount", "price", "balance", "total", "tax", "subtotal", "payment", "discount"}
_NUMBER = {"order", "reference", "account", "code", "id", "model", "flight"}
_SMALL = {"age", "room", "quantity", "table", "gate", "seat", "grade", "version"}
_MEASURE = {"weight", "height", "size"}


def _person(rng, held):
    return f"{rng.choice(words.NAMES)} {words.word(rng, held, plain=True).capitalize()}"


def _number(rng, held):
    return rng.choice(["", "", "A", "INV-", "No. ", "B-", "X"]) + str(rng.randrange(10, 99999))


def _small(rng, held):
    return f"{rng.randrange(1, 99)}{rng.choice(['', '', 'A', 'B'])}"


def _measure(rng, held):
    return f"{rng.randrange(1, 300)} {rng.choice(['kg', 'cm', 'mm', 'lb', 'g'])}"


def _plain(rng, held):
    return " ".join(words.word(rng, held, plain=True).capitalize() for _ in range(rng.choice([1, 1, 2])))


_MAKERS = {
    **dict.fromkeys(_PERSON, _person),
    **dict.fromkeys(_MONEY, lambda rng, held: words.money(rng, 900)),
    **dict.fromkeys(_NUMBER, _number),
    **dict.fromkeys(_SMALL, _small),
    **dict.fromkeys(_MEASURE, _measure),
    **dict.fromkeys(("date", "due date", "birthday"), lambda rng, held: words.date(rng)),
    "year": lambda rng, held: str(rng.randrange(1900, 2031)),
    "time": lambda rng, held: words.time_of_day(rng),
    "color": lambda rng, held: rng.choice(list(COLOURS)),
    "phone": lambda rng, held: f"{rng.randrange(200, 999)}-{rng.randrange(200, 999)}-{rng.randrange(1000, 9999)}",
    "email": lambda rng, held: words.email(rng),
    "website": lambda rng, held: words.website(rng),
}


def value_for(rng, field: str, held: bool) -> str:
    """A value that a field of this name could have."""
    field = field.lower()
    maker = _number if field.endswith("number") else _MAKERS.get(field, _plain)
    return maker(rng, held)
