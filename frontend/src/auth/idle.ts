/** What the timer says to the other tabs: the last activity counts wherever it was. */
export interface IdleChannel {
  postMessage: (message: number) => void;
  addEventListener: (type: "message", listener: (event: MessageEvent<number>) => void) => void;
  close: () => void;
}

interface Options {
  idleMs: number;
  now: () => number;
  /** Seconds until log-out, from 60 down; null when there is no danger. */
  onWarning: (secondsLeft: number | null) => void;
  onExpire: () => void;
  /** Tells the server that the person is there: it enforces the same limit on its own. */
  keepAlive: () => void;
  channel: IdleChannel | null;
}

export const warnBeforeMs = 60_000;
/** Moving the mouse for an hour is at most a request a minute. */
const keepAliveEveryMs = 60_000;

/** Counts the time since the person last did something in any tab. Driven by `tick`, so that tests need no clock. */
export class IdleTimer {
  #options: Options;
  #last: number;
  #lastKeepAlive: number;
  #warned = false;
  #over = false;

  constructor(options: Options) {
    this.#options = options;
    this.#last = options.now();
    this.#lastKeepAlive = options.now();
    options.channel?.addEventListener("message", ({ data }) => {
      this.#last = Math.max(this.#last, data);
      this.tick();
    });
  }

  /** A key, a click, a scroll. Once the warning stands, only an answer to it (`stay`) counts. */
  activity(): void {
    if (!this.#warned) {
      this.#touch();
    }
  }

  stay(): void {
    this.#lastKeepAlive = Number.NEGATIVE_INFINITY;
    this.#touch();
    this.tick();
  }

  tick(): void {
    if (this.#over) {
      return;
    }
    const left = this.#last + this.#options.idleMs - this.#options.now();
    if (left <= 0) {
      this.#over = true;
      this.#options.onExpire();
    } else if (left <= Math.min(warnBeforeMs, this.#options.idleMs / 2)) {
      this.#warned = true;
      this.#options.onWarning(Math.ceil(left / 1000));
    } else if (this.#warned) {
      this.#warned = false;
      this.#options.onWarning(null);
    }
  }

  #touch(): void {
    const now = this.#options.now();
    // A few messages a second are enough.
    if (now - this.#last >= 1_000) {
      this.#options.channel?.postMessage(now);
    }
    this.#last = now;
    if (now - this.#lastKeepAlive >= keepAliveEveryMs) {
      this.#lastKeepAlive = now;
      this.#options.keepAlive();
    }
  }
}
