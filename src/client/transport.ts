import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import { Failure, type Obstacle, obstacleOf } from './failure';
import type { ProblemDocument } from './generated';

/** Milliseconds for an answer: more than the server gives itself, which then tells why there is none. */
const PATIENCE = 120_000;

/** What is told where no server of ours has answered. */
const UNANSWERED: readonly Obstacle['type'][] = [
  'offline',
  'no-server-extension',
  'unexpected'
];

type Method = 'GET' | 'POST' | 'DELETE';
type Parameters = Record<string, string | number | boolean | null>;

/** Carries questions to the server extension and brings answers back, or the `Failure` that keeps them from coming. */
export class Transport {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly settings = ServerConnection.makeSettings()
  ) {}

  /** Emitted when no server of ours has answered. */
  get unanswered(): ISignal<this, void> {
    return this._unanswered;
  }

  get<T>(path: string, parameters: Parameters = {}): Promise<T> {
    const given = Object.entries(parameters).filter(
      ([, value]) => value !== null
    );
    const query = new URLSearchParams(
      given.map(([key, value]) => [key, String(value)])
    ).toString();
    return this._ask('GET', query ? `${path}?${query}` : path);
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this._ask('POST', path, body);
  }

  async delete(path: string): Promise<void> {
    await this._ask('DELETE', path);
  }

  private async _ask<T>(
    method: Method,
    path: string,
    body?: object
  ): Promise<T> {
    const url =
      URLExt.join(this.settings.baseUrl, 'rucio-jupyterlab/v1') + '/' + path;
    const patience = new AbortController();
    const init: RequestInit = { method, signal: patience.signal };
    if (body) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    const timer = setTimeout(() => patience.abort(), PATIENCE);
    try {
      const response = await this._send(url, init);
      if (!response.ok) {
        throw new Failure(await this._problem(response));
      }
      return await this._read<T>(response);
    } catch (reason) {
      const failure = patience.signal.aborted ? this._silence() : reason;
      if (UNANSWERED.includes(obstacleOf(failure).type)) {
        this._unanswered.emit();
      }
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  private async _send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw this._silence();
    }
  }

  private _silence(): Failure {
    return new Failure({
      type: 'offline',
      detail: this.trans.__('The Jupyter server does not answer.'),
      do: 'retry'
    });
  }

  /** The page on which a hub asks for a login comes like an answer of ours. */
  private async _read<T>(response: Response): Promise<T> {
    try {
      return (await response.json()) as T;
    } catch {
      throw new Failure({
        type: 'unexpected',
        detail: this.trans.__(
          'Something else answered in place of the Jupyter server. Load this page again; you may have to log in.'
        ),
        do: 'retry',
        status: response.status
      });
    }
  }

  /** A proxy or a server without our extension answers with a page, not with a problem. */
  private async _problem(response: Response) {
    const type = response.headers.get('Content-Type') ?? '';
    if (type.startsWith('application/problem+json')) {
      return this._read<ProblemDocument>(response);
    }
    if (response.status === 404) {
      return {
        type: 'no-server-extension',
        detail: this.trans.__(
          'The Jupyter server has no Rucio extension; it may need a restart.'
        ),
        do: 'retry'
      } as const;
    }
    return {
      type: 'unexpected',
      detail: this.trans.__(
        'The Jupyter server answered with status %1.',
        response.status
      ),
      do: 'retry',
      status: response.status
    } as const;
  }

  private readonly _unanswered = new Signal<this, void>(this);
}
