import { type Obstacle, obstacleOf } from './failure';

type Change<T> = (value: T) => T;

/**
 * Something that is read as a whole, and kept current by changes to it.
 *
 * Changes may overtake an answer that is on its way and does not hold them: they are made to it once
 * more, which does no harm, since what is newer than both is still to be told.
 */
export class Current<T> {
  /** `changed` is told what was known before; the value and the obstacle are set by then. */
  constructor(
    private readonly read: () => Promise<T>,
    private readonly changed: (before: T | null) => void
  ) {}

  /** Null until it was read. */
  get value(): T | null {
    return this._value;
  }

  /** Why it could not be read the last time. */
  get obstacle(): Obstacle | null {
    return this._obstacle;
  }

  /** Read it; ends when that has been tried, and never rejects. */
  async refresh(): Promise<void> {
    const question = (this._asked += 1);
    const meanwhile: Change<T>[] = [];
    this._questions.add(meanwhile);
    try {
      const read = await this.read();
      if (!this._isOld(question)) {
        this._answered = question;
        this._obstacle = null;
        this._set(inTurn(meanwhile, read));
      }
    } catch (reason) {
      if (!this._isOld(question)) {
        this._obstacle = obstacleOf(reason);
        this.changed(this._value);
      }
    } finally {
      this._questions.delete(meanwhile);
    }
  }

  /** Make the change that the answer to an action is, and once more those that overtook it; rejects as it does. */
  async changeLater(answer: Promise<Change<T>>): Promise<void> {
    const meanwhile: Change<T>[] = [];
    this._actions.add(meanwhile);
    try {
      const changes = [await answer, ...meanwhile];
      this.change(value => inTurn(changes, value));
    } finally {
      this._actions.delete(meanwhile);
    }
  }

  /** Make a change to what is known, or else to what will be. */
  change(change: Change<T>): void {
    for (const changes of [...this._questions, ...this._actions]) {
      changes.push(change);
    }
    if (this._value !== null) {
      this._set(change(this._value));
    } else if (this._questions.size === 0) {
      void this.refresh();
    }
  }

  /** Whether a later question was answered first. */
  private _isOld(question: number): boolean {
    return question < this._answered;
  }

  private _set(value: T): void {
    const before = this._value;
    this._value = value;
    this.changed(before);
  }

  private _value: T | null = null;
  private _obstacle: Obstacle | null = null;
  private _asked = 0;
  private _answered = 0;
  /** For each question on its way, what was changed since it was asked. */
  private readonly _questions = new Set<Change<T>[]>();
  /** The same for each action. */
  private readonly _actions = new Set<Change<T>[]>();
}

function inTurn<T>(changes: readonly Change<T>[], value: T): T {
  return changes.reduce((changed, change) => change(changed), value);
}
