"""python -m smolcli"""

from smolcli.cli import entry

if __name__ == "__main__":
    entry()
