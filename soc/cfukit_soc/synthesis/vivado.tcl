# Builds @BOARD@.bit with Vivado, in this folder: vivado -mode batch -source build.tcl
# It checks sources, the pin and standard of every port, and timing. result.json says what was reached.
proc fail {what} {
  puts stderr "cfukit: $what"
  exit 1
}

set part @PART@
set sources {@SOURCES@}
foreach file [concat $sources {@DATA@ top.xdc}] {
  if {![file exists $file]} { fail "$file is not in [pwd]: run cfukit bitstream again" }
}

create_project -in_memory -part $part
foreach file $sources {
  if {[file extension $file] eq ".sv"} { read_verilog -sv $file } else { read_verilog $file }
}
read_xdc top.xdc
synth_design -top top -part $part

foreach port [get_ports *] {
  foreach property {PACKAGE_PIN IOSTANDARD} {
    if {[get_property $property $port] eq ""} { fail "port $port has no $property" }
  }
}

opt_design
place_design
phys_opt_design
route_design
report_utilization -file utilization.txt
report_timing_summary -file timing.txt

# The system's clock, then every path.
set clock [get_clocks -of_objects [get_pins pll/CLKOUT0]]
set path [lindex [get_timing_paths -setup -max_paths 1 -group $clock] 0]
set slack [get_property SLACK $path]
set period [get_property PERIOD $clock]
set worst [get_property SLACK [lindex [get_timing_paths -setup -max_paths 1] 0]]
set held [get_property SLACK [lindex [get_timing_paths -hold -max_paths 1] 0]]
set fmax [format %.2f [expr {1000.0 / ($period - $slack)}]]
set from [get_property STARTPOINT_PIN $path]
set to [get_property ENDPOINT_PIN $path]
set file [open result.json w]
puts $file "{\"fmax_mhz\": $fmax, \"slack_ns\": $worst, \"hold_slack_ns\": $held, \"from\": \"$from\", \"to\": \"$to\"}"
close $file
if {$worst < 0 || $held < 0} { fail "timing missed by [expr {-min($worst, $held)}] ns, see timing.txt" }

write_bitstream -force @BOARD@.bit
if {![file exists @BOARD@.bit]} { fail "Vivado wrote no @BOARD@.bit" }
puts "@BOARD@.bit: $fmax MHz"
