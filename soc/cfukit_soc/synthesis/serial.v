// UART between pins and the system's streams of bytes: 8 data bits, no parity, one stop bit, DIVISOR clocks per bit.
// A byte that arrives while the system is not ready is lost. The system has a queue of 16 bytes for that.
module Serial #(
  parameter DIVISOR = 104
) (
  input clk,
  input reset,
  input rx,
  output tx,
  input send_valid,
  output send_ready,
  input [7:0] send_data,
  output reg take_valid,
  input take_ready,
  output reg [7:0] take_data
);
  localparam BITS = $clog2(DIVISOR + DIVISOR / 2);
  reg [8:0] sending;
  reg [3:0] send_left, receive_left;
  reg [BITS-1:0] send_wait, receive_wait;
  reg rx_0, rx_1;
  assign tx = sending[0];
  assign send_ready = send_left == 0;
  always @(posedge clk) begin
    if (send_valid && send_ready) begin
      sending <= {send_data, 1'b0};
      send_left <= 10;
      send_wait <= DIVISOR - 1;
    end else if (!send_ready) begin
      send_wait <= send_wait == 0 ? DIVISOR - 1 : send_wait - 1'b1;
      if (send_wait == 0) begin
        sending <= {1'b1, sending[8:1]};
        send_left <= send_left - 1'b1;
      end
    end
    {rx_1, rx_0} <= {rx_0, rx};
    if (take_ready) take_valid <= 0;
    if (receive_left == 0) begin
      receive_wait <= DIVISOR + DIVISOR / 2 - 2;  // to the middle of bit 0
      if (!rx_1) receive_left <= 9;
    end else begin
      receive_wait <= receive_wait == 0 ? DIVISOR - 1 : receive_wait - 1'b1;
      if (receive_wait == 0) begin
        receive_left <= receive_left - 1'b1;
        if (receive_left == 1) take_valid <= rx_1;  // the stop bit
        else take_data <= {rx_1, take_data[7:1]};
      end
    end
    if (reset) begin
      sending <= 9'h1FF;
      send_left <= 0;
      receive_left <= 0;
      take_valid <= 0;
      {rx_1, rx_0} <= 2'b11;
    end
  end
endmodule
