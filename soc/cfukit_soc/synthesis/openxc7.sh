#!/bin/sh
# Builds @BOARD@.bit with the open tools of openXC7, in this folder: sh build.sh
#   CHIPDB          folder with the chip database of nextpnr-xilinx: @CHIP@.bin, @CHIP@@PACKAGE@.bin or @OPEN_PART@.bin
#   PRJXRAY_DB_DIR  Project X-Ray's database
# netlist.json is cfukit's own synthesis (cfukit bitstream --synthesis-only); without it yosys synthesises.
set -eu
fail() {
  echo "cfukit: $*" >&2
  exit 1
}
for program in nextpnr-xilinx fasm2frames xc7frames2bit; do
  command -v "$program" >/dev/null || fail "$program is not on PATH (https://github.com/openXC7)"
done
: "${CHIPDB:?the folder with @CHIP@.bin}" "${PRJXRAY_DB_DIR:?the folder of the Project X-Ray database}"
chip=
for name in @OPEN_PART@ @CHIP@@PACKAGE@ @CHIP@; do
  [ -z "$chip" ] && [ -f "$CHIPDB/$name.bin" ] && chip="$CHIPDB/$name.bin"
done
[ -n "$chip" ] || fail "$CHIPDB has no @CHIP@.bin: make it with bbaexport and bbasm of nextpnr-xilinx"
part="$PRJXRAY_DB_DIR/artix7/@OPEN_PART@/part.yaml"
[ -f "$part" ] || fail "there is no $part"
for file in @FILES@ top.xdc; do
  [ -f "$file" ] || fail "$file is not in $PWD: run cfukit bitstream again"
done
if [ ! -f netlist.json ]; then
  command -v yosys >/dev/null || fail "neither netlist.json nor yosys"
  yosys -q -p "read_verilog @SOURCES@; scratchpad -set xilinx_dsp.multonly 1; @SYNTH@ -flatten -top top; write_json netlist.json"
fi
nextpnr-xilinx --chipdb "$chip" --xdc top.xdc --json netlist.json --fasm top.fasm \
  --freq @MHZ@ --timing-allow-fail --seed "${SEED:-1}" --log nextpnr.log
fasm2frames --part @OPEN_PART@ --db-root "$PRJXRAY_DB_DIR/artix7" top.fasm >top.frames
xc7frames2bit --part_file "$part" --part_name @OPEN_PART@ --frm_file top.frames --output_file @BOARD@.bit
[ -s @BOARD@.bit ] || fail "no @BOARD@.bit was written"
grep "Max frequency" nextpnr.log || fail "nextpnr-xilinx gave no frequency, see nextpnr.log"
