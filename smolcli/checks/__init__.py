"""Is all well? A machine, settings and a model in, checks out; a conversion in, what it costs out. Prints nothing."""

from __future__ import annotations

from smolcli.checks.against import Against
from smolcli.checks.bench import Bench, decode_speed
from smolcli.checks.check import Check
from smolcli.checks.doctor import all_checks, failures
from smolcli.checks.examiner import EngineExaminer
from smolcli.checks.machine import model_names, this_build, this_machine
from smolcli.checks.measure import Cost, load_and_check, measure, report_table
from smolcli.checks.peers import Peers, find_peers
from smolcli.checks.quickest import Setting, SpeedTrial, others_of, quickest_of, speed_trials
from smolcli.checks.repeats import QUICK, Amount
from smolcli.checks.report import (
    COST_HEADER,
    COST_TITLE,
    SPEED_HEADER,
    TRIAL_HEADER,
    check_lines,
    checks_record,
    cost_rows,
    report_lines,
    speed_rows,
    speed_sentence,
    speeds_record,
    trial_rows,
    trial_sentence,
    trials_record,
)
from smolcli.checks.speed_tuning import SpeedTuning, Trying
from smolcli.checks.tuning import Trial, best, trials

__all__ = [
    "COST_HEADER",
    "COST_TITLE",
    "QUICK",
    "SPEED_HEADER",
    "TRIAL_HEADER",
    "Against",
    "Amount",
    "Bench",
    "Check",
    "Cost",
    "EngineExaminer",
    "Peers",
    "Setting",
    "SpeedTrial",
    "SpeedTuning",
    "Trial",
    "Trying",
    "all_checks",
    "best",
    "check_lines",
    "checks_record",
    "cost_rows",
    "decode_speed",
    "failures",
    "find_peers",
    "load_and_check",
    "measure",
    "model_names",
    "others_of",
    "quickest_of",
    "report_lines",
    "report_table",
    "speed_rows",
    "speed_sentence",
    "speed_trials",
    "speeds_record",
    "this_build",
    "this_machine",
    "trial_rows",
    "trial_sentence",
    "trials",
    "trials_record",
]
