// Rows of numbers one after the other, and the latest of a stream; follows phonolips/model/window.py.

/** A table in one typed array: `width` numbers a row. */
export class Rows {
  constructor(data, width) {
    this.data = data;
    this.width = width;
  }

  static none(width, Type = Float32Array) {
    return new Rows(new Type(0), width);
  }

  static join(parts) {
    const filled = parts.filter((part) => part.data.length);
    if (filled.length < 2) return filled[0] ?? parts[0];
    const total = filled.reduce((sum, part) => sum + part.data.length, 0);
    const data = new filled[0].data.constructor(total);
    let at = 0;
    for (const part of filled) {
      data.set(part.data, at);
      at += part.data.length;
    }
    return new Rows(data, parts[0].width);
  }

  get count() {
    return this.data.length / this.width;
  }

  /** The rows from `first` on to `end`, in the same memory. */
  part(first, end = this.count) {
    return new Rows(this.data.subarray(first * this.width, end * this.width), this.width);
  }

  /** The same as a copy. */
  copy(first = 0, end = this.count) {
    return new Rows(this.data.slice(first * this.width, end * this.width), this.width);
  }
}

/** The latest rows of a stream: those that wait for what follows them, and the margin before them. */
export class Window {
  constructor(back, ahead, unit = 1) {
    Object.assign(this, { back, ahead, unit, held: null, margin: 0 });
  }

  /** Add rows; return {rows, back, own}: those that have what they need, perhaps none, in their margins. */
  push(rows, last = false) {
    if (!rows.count && !last) return { rows, back: 0, own: 0 };
    const held = this.held ? Rows.join([this.held, rows]) : rows;
    const ready = Math.max(0, held.count - this.margin - (last ? 0 : this.ahead));
    const chunk = { rows: held, back: this.margin, own: last ? ready : ready - (ready % this.unit) };
    const end = chunk.back + chunk.own;
    this.margin = Math.min(this.back, end);
    this.held = held.copy(end - this.margin);
    return chunk;
  }
}

/** Rows of several kinds, which come at different times and are let go together. */
export class InStep {
  /** Take how many rows of each kind a frame has. */
  constructor(...rows) {
    this.rows = rows;
    this.held = null;
  }

  push(...parts) {
    const held = this.held ? parts.map((part, kind) => Rows.join([this.held[kind], part])) : parts;
    const frames = Math.min(...held.map((part, kind) => Math.floor(part.count / this.rows[kind])));
    this.held = held.map((part, kind) => part.copy(frames * this.rows[kind]));
    return held.map((part, kind) => part.copy(0, frames * this.rows[kind]));
  }
}
