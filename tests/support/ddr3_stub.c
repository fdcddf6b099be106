/* The registers of LiteDRAM's PHY for Artix-7 with a chip behind them, for liblitedram on this machine: what is written comes back as it
   was where a byte lane's bitslips are right and its delay lies in the lane's window; else it comes back wrong.
   arguments: per lane write bitslip, read bitslip, first and last delay of the window. Output: a line per lane with what was chosen. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <generated/csr.h>
#include <generated/sdram_phy.h>

enum { LANES = 2, PHASES = 4, WRITE_ENABLE = 0x10, READ_ENABLE = 0x20 };
int sdram_init(void);

static struct { int write_slip, read_slip, first, last; } right[LANES];
static struct { int write_slip, read_slip, delay; } now[LANES];
static uint32_t registers[1 << 16], held[PHASES], seen[PHASES];

static uint32_t *place(unsigned long address) {
  return &registers[(address - CSR_BASE) / 4 & 0xFFFF];
}

static uint32_t lane_mask(int lane) {
  return UINT32_C(0x00FF00FF) << 8 * lane;
}

static void transfer(uint32_t command) {
  for (int lane = 0; lane < LANES; lane++) {
    const uint32_t mask = lane_mask(lane), *data = place(CSR_SDRAM_DFII_PI0_WRDATA_ADDR);
    const int window = now[lane].delay >= right[lane].first && now[lane].delay <= right[lane].last;
    const uint32_t write_error = now[lane].write_slip == right[lane].write_slip ? 0 : 0x5A5A5A5A;
    const uint32_t read_error = window && now[lane].read_slip == right[lane].read_slip ? 0 : 0x3C3C3C3C;
    for (int phase = 0; phase < PHASES; phase++) {
      data = place(sdram_dfii_pix_wrdata_addr(phase));
      if (command & WRITE_ENABLE)
        held[phase] = (held[phase] & ~mask) | ((*data ^ write_error) & mask);
      if (command & READ_ENABLE)
        seen[phase] = (seen[phase] & ~mask) | ((held[phase] ^ read_error) & mask);
    }
  }
}

unsigned long csr_read_simple(unsigned long address) {
  for (int phase = 0; phase < PHASES; phase++)
    if (address == sdram_dfii_pix_rddata_addr(phase))
      return seen[phase];
  return *place(address);
}

void csr_write_simple(unsigned long value, unsigned long address) {
  static const unsigned long issue[] = {CSR_SDRAM_DFII_PI0_COMMAND_ISSUE_ADDR, CSR_SDRAM_DFII_PI1_COMMAND_ISSUE_ADDR,
                                        CSR_SDRAM_DFII_PI2_COMMAND_ISSUE_ADDR, CSR_SDRAM_DFII_PI3_COMMAND_ISSUE_ADDR};
  static const unsigned long command[] = {CSR_SDRAM_DFII_PI0_COMMAND_ADDR, CSR_SDRAM_DFII_PI1_COMMAND_ADDR,
                                          CSR_SDRAM_DFII_PI2_COMMAND_ADDR, CSR_SDRAM_DFII_PI3_COMMAND_ADDR};
  *place(address) = (uint32_t)value;
  for (int phase = 0; phase < PHASES; phase++)
    if (address == issue[phase])
      transfer(*place(command[phase]));
  for (int lane = 0; lane < LANES; lane++) {
    if ((*place(CSR_DDRPHY_DLY_SEL_ADDR) >> lane & 1) == 0)
      continue;
    if (address == CSR_DDRPHY_RDLY_DQ_RST_ADDR)
      now[lane].delay = 0;
    if (address == CSR_DDRPHY_RDLY_DQ_INC_ADDR)
      now[lane].delay = (now[lane].delay + 1) % SDRAM_PHY_DELAYS;
    if (address == CSR_DDRPHY_RDLY_DQ_BITSLIP_RST_ADDR)
      now[lane].read_slip = 0;
    if (address == CSR_DDRPHY_RDLY_DQ_BITSLIP_ADDR)
      now[lane].read_slip = (now[lane].read_slip + 1) % SDRAM_PHY_BITSLIPS;
    if (address == CSR_DDRPHY_WDLY_DQ_BITSLIP_RST_ADDR)
      now[lane].write_slip = 0;
    if (address == CSR_DDRPHY_WDLY_DQ_BITSLIP_ADDR)
      now[lane].write_slip = (now[lane].write_slip + 1) % SDRAM_PHY_BITSLIPS;
  }
}

int main(int count, char **words) {
  if (count != 1 + 4 * LANES)
    return 2;
  for (int lane = 0; lane < LANES; lane++) {
    right[lane].write_slip = atoi(words[1 + 4 * lane]);
    right[lane].read_slip = atoi(words[2 + 4 * lane]);
    right[lane].first = atoi(words[3 + 4 * lane]);
    right[lane].last = atoi(words[4 + 4 * lane]);
  }
  const int levelled = sdram_init();
  printf("\nlevelled %d, hardware control %d\n", levelled, (int)(*place(CSR_SDRAM_DFII_CONTROL_ADDR) & 1));
  for (int lane = 0; lane < LANES; lane++)
    printf("lane %d %d %d\n", now[lane].write_slip, now[lane].read_slip, now[lane].delay);
  return 0;
}
