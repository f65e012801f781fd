#!/bin/bash
# Before a command runs, take away what a commit brought in its place: clean.sh COMMAND
#
# The CI system would publish the files of the agent that links lead to, and take results of tests
# and pages for what this job wrote. Evidence stays: it names the run and the commit it is of.
set -euo pipefail

case $1 in
  gate) written=(gates.junit.xml data.junit.xml report.html) ;;
  report) written=(gates.junit.xml report.html) ;;
  validate-data) written=(data.junit.xml) ;;
  evaluate-model | compare-to-champion) written=() ;;
  *) exit ;;
esac
name="CDML_$(tr a-z- A-Z_ <<<"$1")"
config="${name}_CONFIG" output="${name}_OUTPUT_DIR"
config="${!config:-cdml.yaml}" output="${!output:-.cdml}"
[[ $output == /* ]] || output="$(dirname -- "$config")/$output"
while [[ $output == ?*/ ]]; do output="${output%/}"; done # a link with a slash would be followed
if [[ -L $output ]]; then
  echo "Removed the link $output: results are written to a folder."
  rm -f -- "$output"
fi
[[ -d $output ]] || exit 0
# The checkout itself: its links are the user's.
if [[ $output -ef "$(dirname -- "$config")" || -e $output/.git ]]; then exit; fi
find "$output" -type l -exec rm -f -- {} +
for file in ${written[@]+"${written[@]}"}; do rm -f -- "$output/$file"; done
