"""What the engine computes, as plain integers: the model of its jobs."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cfukit.dma import DmaPort
from cfukit.integers import to_signed
from cfukit.memory import MemoryPort
from cfukit.parts.requantizer import SHIFT_BITS, requantize, rescale

Int8s = npt.NDArray[np.int8]


class Job(enum.IntEnum):
    """What `start` begins. CONV, DEPTHWISE, ADD, SUM and MAX compute, the others load. COPY copies rows to `output`.

    SUM is DEPTHWISE whose channels are all alike: each group of lanes has the weights of the first one, and each channel is rescaled
    like one of the first row of the channel store. MAX likewise takes the largest of the products, by their low 8 bits as an int8,
    in place of their sum.

    ADD is DEPTHWISE with other results: a sum x1 - 256 * x2 stands for two int8, and counts as terms1[x1] + terms2[x2]. Every
    channel is rescaled like the first one of the third row of the channel store. TERMS makes the terms from the first two rows:
    terms[x] = rescale((x << ADD_SHIFT) + bias). It keeps the scale of the third row.

    CONV_ADD and DEPTHWISE_ADD are CONV and DEPTHWISE whose results x1 are operands of an ADD: what is stored is the rescaled sum
    terms1[x1] + terms2[x2], where x2 is the addend in memory. Its scale is the one that TERMS kept.
    """

    CONV = 0
    DEPTHWISE = 1
    WEIGHTS = 2
    DEPTHWISE_WEIGHTS = 3
    CHANNELS = 4
    ADD = 5
    TERMS = 6
    COPY = 7
    SUM = 8
    MAX = 9
    CONV_ADD = 10
    DEPTHWISE_ADD = 11

    @property
    def is_alike(self) -> bool:
        return self in (Job.SUM, Job.MAX)

    @property
    def is_depthwise(self) -> bool:
        return self not in (Job.CONV, Job.CONV_ADD)

    @property
    def is_residual(self) -> bool:
        return self in (Job.CONV_ADD, Job.DEPTHWISE_ADD)


ADD_SHIFT = 20  # TFLM's for int8
TERMS_ROW, ADD_ROW = (0, 1), 2  # rows of the channel store


class Status(enum.IntFlag):
    """How a job went; 0 is well."""

    REFUSED = 1  # a size is 0, or a window is larger than the store
    ROWS = 2  # windows do not take the rows that the descriptor says
    WEIGHTS = 4  # more weights than the store holds
    MAIN = 8  # a load from outside main memory, not aligned, or of more than the store holds


@dataclass
class Descriptor:
    """The registers of a job. Pixels are `pixel_bytes` apart. `top`, `left`: row and column of the first tap, minus the padding.
    `main_begin`, `main_bytes`: what may be loaded from main memory. `addend*`, `sum_*`: of CONV_ADD and DEPTHWISE_ADD; `first_row`: of
    their channels, in rows of the store.
    """

    input: int = 0
    pixel_bytes: int = 0
    height: int = 0
    width: int = 0
    row_bytes: int = 0
    filter_height: int = 0
    filter_width: int = 0
    channels: int = 0
    stride_height: int = 0
    stride_width: int = 0
    dilation_height: int = 0
    dilation_width: int = 0
    top: int = 0
    left: int = 0
    rows: int = 0
    output: int = 0
    output_pixel_bytes: int = 0
    output_height: int = 0
    output_width: int = 0
    output_channels: int = 0
    input_zero_point: int = 0
    output_zero_point: int = 0
    low: int = 0
    high: int = 0
    main_begin: int = 0
    main_bytes: int = 0
    addend: int = 0
    addend_pixel_bytes: int = 0
    sum_zero_point: int = 0
    sum_low: int = 0
    sum_high: int = 0
    first_row: int = 0


class Size(Protocol):
    """What the model must know of an engine's size."""

    @property
    def lanes(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def weight_rows(self) -> int: ...
    @property
    def window_rows(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def requantizers(self) -> int: ...


@dataclass
class EngineModel:
    """The stores and the jobs of an engine.

    weights: by row, output and lane. channels: (bias, multiplier, shift), in rows of `requantizers`; the first one of a row fills all of
    it. What was not loaded since reset counts as 0: weights from `known_rows` on, multipliers from row `known_channel_rows` on, and the
    terms of an ADD before `known_terms`.

    Both stores are rings. A job has the weights and channels that were loaded last. They begin at the first row, or, if they were loaded
    `behind`, in the row behind those that were loaded before.
    """

    memory: MemoryPort
    size: Size
    dma: DmaPort | None = None
    descriptor: Descriptor = field(default_factory=Descriptor)

    def __post_init__(self) -> None:
        size = self.size
        self.weights = np.zeros((size.weight_rows, size.outputs, size.lanes), np.int8)
        self.channels = [(0, 0, 0)] * size.channels
        self.terms = [[0] * 256, [0] * 256]
        self.status = self.known_rows = self.known_channel_rows = 0
        self._base = self._channel_base = 0
        self.known_terms, self.sum_scale = False, (0, 0)
        self._columns, self._at, self._fed = False, 0, bytearray()
        self._number, self._words = 0, list[int]()

    # --- loading

    def load(self, job: Job, address: int, count: int, *, by_dma: bool = False, behind: bool = False) -> None:
        """`count` rows, or channels of three words, from the data TCM or from main memory. A copy may overlap what lies behind it.

        What is loaded behind the rest must fit beside it. It leaves the status of the last job.
        """
        self.status = self.status if behind else 0
        may_load = not by_dma or self._may_load(job, address, count, behind)
        lanes, bytes_each = self.size.lanes, 12 if job == Job.CHANNELS else self.size.lanes
        if job == Job.CHANNELS:
            self._restart_channels(behind)
        elif job != Job.COPY:
            self._restart_weights(job == Job.WEIGHTS, behind)
        if not count:
            return
        if by_dma:
            if not may_load:
                self.status |= Status.MAIN
                return
            assert self.dma is not None
            begin = address // lanes * lanes
            rows = self.dma.load(begin, -(-(address - begin + bytes_each * count) // lanes) * lanes)
            loaded = rows[address - begin :][: bytes_each * count]
        else:
            loaded = self.memory.load(address & ~3 if job == Job.CHANNELS else address, bytes_each * count)
        if job == Job.COPY:
            self.memory.store(self.descriptor.output // lanes * lanes, loaded)
            return
        step = 4 if job == Job.CHANNELS else lanes
        for n in range(0, len(loaded), step):
            if job == Job.CHANNELS:
                self._channel_word(int.from_bytes(loaded[n : n + 4], "little"))
            else:
                self._weight_row(loaded[n : n + lanes])

    def _may_load(self, job: Job, address: int, count: int, behind: bool) -> bool:
        """Whether main memory has all rows that are read, and the store room for them."""
        size, d = self.size, self.descriptor
        taken = min(size.weight_rows, self._rows_loaded()) if behind else 0
        taken_channels = min(size.channels, self._channel_rows_loaded() * size.requantizers) if behind else 0
        aligned, most, bytes_each = {
            Job.WEIGHTS: (size.lanes, (size.weight_rows - taken) * size.outputs, size.lanes),
            Job.DEPTHWISE_WEIGHTS: (size.lanes, size.weight_rows - taken, size.lanes),
            Job.CHANNELS: (4, size.channels - taken_channels, 12),
            Job.COPY: (size.lanes, 0xFFFF, size.lanes),
        }[job]
        begin = (address // size.lanes * size.lanes - d.main_begin) % (1 << 32)
        rows = -(-(address % size.lanes + bytes_each * count) // size.lanes)
        fits = begin + rows * size.lanes <= d.main_bytes
        return address % aligned == 0 and count <= most and fits

    def restart(self, word: int) -> None:
        """What follows is fed from the first row and channel on."""
        if not word & 2:
            self._restart_weights(bool(word & 1), behind=False)
            self._fed = bytearray()
        if not word & 4:
            self._restart_channels(behind=False)

    def _rows_loaded(self) -> int:
        """Rows of the store that are complete since it was restarted."""
        return self._at // self.size.outputs if self._columns else self._at

    def _channel_rows_loaded(self) -> int:
        return -(-self._number // self.size.requantizers)

    def _restart_weights(self, columns: bool, behind: bool) -> None:
        self._base = (self._base + self._rows_loaded()) % self.size.weight_rows if behind else 0
        self._columns, self._at = columns, 0

    def _restart_channels(self, behind: bool) -> None:
        rows = self.size.channels // self.size.requantizers
        self._channel_base = (self._channel_base + self._channel_rows_loaded()) % rows if behind else 0
        self._number, self._words = 0, []

    def feed_weights(self, word: int) -> None:
        self._fed += word.to_bytes(4, "little")
        if len(self._fed) == self.size.lanes:
            self._weight_row(bytes(self._fed))
            self._fed = bytearray()

    def feed_channels(self, word: int) -> None:
        self._channel_word(word)

    def _weight_row(self, data: bytes) -> None:
        row, part = divmod(self._at, self.size.outputs) if self._columns else (self._at, 0)
        row = (self._base + row) % self.size.weight_rows
        if not self._columns:
            self.weights[row] = 0
        self.weights[row, part] = np.frombuffer(data, np.int8)
        self._at += 1
        complete = not self._columns or part == self.size.outputs - 1
        if complete and row == self.known_rows:
            self.known_rows += 1

    def _channel_word(self, word: int) -> None:
        self._words.append(word)
        if len(self._words) == 3:
            bias, multiplier, shift = self._words
            entry = to_signed(bias), multiplier & 0x7FFF_FFFF, to_signed(shift, SHIFT_BITS)
            width = self.size.requantizers
            number = (self._channel_base * width + self._number) % self.size.channels
            if number % width:
                self.channels[number] = entry
            else:
                self.channels[number : number + width] = [entry] * width
                if number // width == self.known_channel_rows:
                    self.known_channel_rows += 1
            self._number, self._words = self._number + 1, []

    # --- computing

    def make_terms(self) -> None:
        """Fill both tables of an ADD. The second one is read with minus its input."""
        self.status = 0
        for table, row in enumerate(TERMS_ROW):
            bias, multiplier, shift = self._channel(row * self.size.requantizers)
            for x in range(-128, 128):
                self.terms[table][x & 0xFF] = to_signed(rescale((x << ADD_SHIFT) + bias, multiplier, shift))
        _, *scale = self._channel(ADD_ROW * self.size.requantizers)
        self.known_terms, self.sum_scale = True, (scale[0], scale[1])

    def _channel(self, n: int) -> tuple[int, int, int]:
        """Of the job's channels."""
        width = self.size.requantizers
        number = (self._channel_base * width + n) % self.size.channels
        bias, multiplier, shift = self.channels[number]
        return bias, multiplier if number // width < self.known_channel_rows else 0, shift

    def _weights(self, begin: int, end: int) -> Int8s:
        """Rows of the job's weights."""
        if end > self.size.weight_rows:
            self.status |= Status.WEIGHTS
        rows = (self._base + np.arange(begin, end)) % self.size.weight_rows
        return np.where((rows < self.known_rows)[:, None, None], self.weights[rows], np.int8(0))

    def _result(self, job: Job, n: int, total: int) -> int:
        """The output of channel `n` whose products have the sum `total`."""
        d = self.descriptor
        first = d.first_row * self.size.requantizers if job.is_residual else 0
        bias, multiplier, shift = self._channel(n % self.size.requantizers if job.is_alike else first + n)
        if job == Job.ADD:
            row = ADD_ROW * self.size.requantizers
            bias, multiplier, shift = self._channel(row + n % self.size.requantizers)
            terms = self.terms[0][total & 0xFF], self.terms[1][-(total + 128 >> 8) & 0xFF]
            total = sum(terms) if self.known_terms else 0
        return requantize(total + bias, multiplier, shift, d.output_zero_point, d.low, d.high)

    def _sum(self, result: int, addend: int) -> int:
        """The output of a residual job."""
        d = self.descriptor
        total = self.terms[0][result & 0xFF] + self.terms[1][addend] if self.known_terms else 0
        return requantize(total, *self.sum_scale, d.sum_zero_point, d.sum_low, d.sum_high)

    def run(self, job: Job) -> None:
        """The job of the descriptor, whole."""
        d, depthwise = self.descriptor, job.is_depthwise
        outputs = d.channels if depthwise else d.output_channels
        self.status = 0
        sizes = (d.height, d.width, d.channels, d.filter_height, d.filter_width, d.output_height)
        if 0 in (*sizes, d.output_width, d.output_channels) or not 0 < d.rows <= self.size.window_rows:
            self.status = Status.REFUSED
            return
        to, item = d.output, self.size.requantizers  # an addend lies at a multiple of it
        addend = d.addend // item * item
        results = []
        for y in range(d.output_height):
            for x in range(d.output_width):
                sums = self._depthwise(job, y, x) if depthwise else self._conv(y, x, outputs)
                values = bytes(self._result(job, n, int(total)) & 0xFF for n, total in enumerate(sums))
                if job.is_residual:
                    pairs = zip(values, self.memory.load(addend, len(values)), strict=True)
                    values = bytes(self._sum(*pair) & 0xFF for pair in pairs)
                results.append((to, values))
                to += d.output_pixel_bytes
                addend += d.addend_pixel_bytes // item * item
        for address, values in results:
            self.memory.store(address, values)

    def _taps(self, y: int, x: int) -> Iterator[Int8s]:
        """The channels of each tap of a window."""
        d = self.descriptor
        for filter_y in range(d.filter_height):
            for filter_x in range(d.filter_width):
                row = d.top + y * d.stride_height + filter_y * d.dilation_height
                column = d.left + x * d.stride_width + filter_x * d.dilation_width
                if 0 <= row < d.height and 0 <= column < d.width:
                    address = d.input + row * d.row_bytes + column * d.pixel_bytes
                    yield np.frombuffer(self.memory.load(address, d.channels), np.int8)
                else:
                    yield np.full(d.channels, d.input_zero_point, np.int8)

    def _conv(self, y: int, x: int, outputs: int) -> list[int]:
        rows, lanes = self.descriptor.rows, self.size.lanes
        taps = np.concatenate(list(self._taps(y, x)))
        if -(-len(taps) // lanes) != rows:
            self.status |= Status.ROWS
            taps = taps[: rows * lanes]
        window = np.zeros((rows, 1, lanes), np.int64)
        window.reshape(-1)[: len(taps)] = taps
        sums: list[int] = []
        at = 0
        while len(sums) < outputs:
            sums += (window * self._weights(at, at + rows)).sum(axis=(0, 2)).tolist()
            at += rows
        return sums[:outputs]

    def _depthwise(self, job: Job, y: int, x: int) -> list[int]:
        lanes = self.size.lanes
        taps = np.stack(list(self._taps(y, x))).astype(np.int64)
        if len(taps) != self.descriptor.rows:
            self.status |= Status.ROWS
        sums: list[int] = []
        at = 0
        for first in range(0, taps.shape[1], lanes):
            part = taps[:, first : first + lanes]
            weights = self._weights(at, at + len(part))[:, 0]
            products = part * weights[:, : part.shape[1]]
            if job == Job.MAX:
                largest = products.astype(np.int8).argmax(axis=0)
                sums += np.take_along_axis(products, largest[None], axis=0)[0].tolist()
            else:
                sums += products.sum(axis=0).tolist()
            at += 0 if job.is_alike else len(part)
        return sums
