import { type Obstacle, obstacleOf } from './failure';

/** A question on its way, its answer, or why there is none. */
export type Asked<T> =
  | { state: 'loading' }
  | { state: 'ready'; value: T }
  | { state: 'failed'; obstacle: Obstacle };

/** What is asked in one go, and again as need be: only the answer to the last time counts. */
export class Question<T> {
  constructor(
    private readonly ask: () => Promise<T>,
    private readonly changed: () => void
  ) {}

  /** Null before it was put. */
  get answer(): Asked<T> | null {
    return this._answer;
  }

  /** Ask, and forget what was known. */
  async put(): Promise<void> {
    const question = this.ask();
    this._last = question;
    this._set({ state: 'loading' });
    const answer = await answerOf(question);
    if (this._last === question) {
      this._set(answer);
    }
  }

  /** Ask again and show meanwhile what is known, which is still right where no answer comes. */
  async renew(): Promise<void> {
    const before = this._answer;
    const answer = await answerOf(this.ask());
    if (answer.state === 'ready' && this._answer === before) {
      this._set(answer);
    }
  }

  private _set(answer: Asked<T>): void {
    this._answer = answer;
    this.changed();
  }

  private _last: Promise<T> | null = null;
  private _answer: Asked<T> | null = null;
}

async function answerOf<T>(question: Promise<T>): Promise<Asked<T>> {
  try {
    return { state: 'ready', value: await question };
  } catch (reason) {
    return { state: 'failed', obstacle: obstacleOf(reason) };
  }
}
