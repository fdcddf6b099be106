// A point of a torus from its angle on the tube: turned, lit, seen in perspective, and placed on a screen of 80 x 24 characters.
//   funct3 0, axes:  e[funct7] = rs1[15:0], y[funct7] = rs1[31:16] for funct7 0, 1, 2 (x, y, z); rd = 0
//   funct3 1, point: rs1[15:0] is the cosine c, rs1[31:16] the sine s; rd is what cfu.py says
// Numbers are signed, with 14 bits after the point. A pipeline of four stages that takes a command per cycle.
module Cfu (
  input               cmd_valid,
  output              cmd_ready,
  input      [9:0]    cmd_payload_function_id,
  input      [31:0]   cmd_payload_inputs_0,
  input      [31:0]   cmd_payload_inputs_1,
  output              rsp_valid,
  input               rsp_ready,
  output     [31:0]   rsp_payload_outputs_0,
  input               reset,
  input               clk
);
  wire [2:0] funct3 = cmd_payload_function_id[2:0];
  wire [6:0] funct7 = cmd_payload_function_id[9:3];

  // All stages move, or none: a response that is not taken holds them.
  reg  [3:0] valid, is_point;
  wire       advance = !valid[3] || rsp_ready;
  assign cmd_ready = advance;
  assign rsp_valid = valid[3];

  always @(posedge clk) begin
    if (reset)
      valid <= 0;
    else if (advance)
      valid <= {valid[2:0], cmd_valid};
    if (advance)
      is_point <= {is_point[2:0], funct3 == 1};
  end

  reg  signed [15:0] e [0:2], y [0:2];
  wire signed [15:0] cosine = cmd_payload_inputs_0[15:0];
  wire signed [15:0] sine = cmd_payload_inputs_0[31:16];

  // Stage 1: products. Stage 2: n = c * e + s * y, the direction away from the tube, and the place 2 * e + n.
  wire signed [18:0] n [0:2];
  reg  signed [16:0] e_doubled [0:2];
  genvar k;
  generate
    for (k = 0; k < 3; k = k + 1) begin : component
      reg  signed [31:0] ce, sy;
      wire signed [32:0] sum = ce + sy + 33'sd8192;
      assign n[k] = sum[32:14];
      always @(posedge clk) begin
        if (reset) begin
          e[k] <= 0;
          y[k] <= 0;
        end else if (cmd_valid && cmd_ready && funct3 == 0 && funct7 == k) begin
          e[k] <= cosine;
          y[k] <= sine;
        end
        if (advance) begin
          ce <= cosine * e[k];
          sy <= sine * y[k];
          e_doubled[k] <= {e[k], 1'b0};
        end
      end
    end
  endgenerate

  // The distance has 6 bits after the point.
  wire signed [19:0] z = 20'sd86016 + e_doubled[2] + n[2];
  wire signed [19:0] facing = n[1] - n[2];
  reg         [9:0]  distance, distance_3;
  reg  signed [19:0] across, up;
  reg         [3:0]  light, light_3;

  // Stage 3: perspective, with a table of 28 * 2^16 / distance.
  reg  [14:0] reciprocal [0:1023];
  reg  [14:0] scale;
  integer i;
  initial
    for (i = 0; i < 1024; i = i + 1)
      reciprocal[i] = 1835008 / (i < 112 ? 112 : i);

  reg  signed [35:0] column_scaled, row_scaled;
  wire signed [35:0] column = (column_scaled + 36'sd8388608) >>> 24;
  wire signed [35:0] row = (row_scaled + 36'sd16777216) >>> 25;

  // Stage 4: where on the screen.
  reg  [31:0] rd;
  wire [10:0] row_down = 11'd12 - row[10:0];
  wire [10:0] address = row_down * 11'd80 + 11'd40 + column[10:0];

  always @(posedge clk)
    if (advance) begin
      distance <= z[17:8];
      scale <= reciprocal[z[17:8]];
      across <= e_doubled[0] + n[0];
      up <= e_doubled[1] + n[1];
      light <= facing < 0 ? 4'd0 : facing >= 20'sd24576 ? 4'd11 : facing[14:11];

      distance_3 <= distance;
      light_3 <= light;
      column_scaled <= across * $signed({1'b0, scale});
      row_scaled <= up * $signed({1'b0, scale});

      rd <= is_point[2] ? {2'b0, distance_3, light_3, 5'b0, address} : 32'b0;
    end

  assign rsp_payload_outputs_0 = rd;
endmodule
