#!/bin/sh
# Read many files with the shell's own tools: one line per answer, columns parted by tabs.
# Usage: examples/pipeline.sh    (SMOL names another command, for instance "python -m smolcli")
set -eu
cd "$(dirname "$0")"
SMOL=${SMOL:-smol}

# Door signs, sorted by what they say.
$SMOL caption -q signs | sort -t "$(printf '\t')" -k 2

# The sum of the invoices: the second column without the dollar sign.
$SMOL docvqa -q --per-page invoices.pdf "What is the total?" | cut -f 2 | tr -d '$,' | awk '{ sum += $1 } END { printf "sum\t%.2f\n", sum }'

# One model load, one look at the page, two questions; the document comes through a pipe.
$SMOL ask -q - --pages 1 -Q "What is the total?" -Q "What is the date?" < invoices.pdf
