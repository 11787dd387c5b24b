// What can go wrong; follows phonolips/errors.py.

/** Something that a user can mend: the message is one line, to be shown as it is. */
export class InputError extends Error {
  constructor(message) {
    super(message);
    this.name = 'InputError';
  }
}

/** A call that was cancelled by whoever made it. */
export class CancelledError extends Error {
  constructor() {
    super('cancelled');
    this.name = 'CancelledError';
  }
}
