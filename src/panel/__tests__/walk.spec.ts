import type { JupyterFrontEnd } from '@jupyterlab/application';
import { CommandRegistry } from '@lumino/commands';
import type { JSONObject } from '@lumino/coreutils';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { act, fireEvent } from '@testing-library/react';

import * as accountPlugins from '../../accounts/plugin';
import type { Catalog } from '../../catalog/model';
import { catalog as catalogPlugin } from '../../catalog/plugin';
import { didText } from '../../client/did';
import { Engine } from '../../client/engine';
import { measureNothing } from '../../components/__tests__/measuring';
import type { Jobs } from '../../jobs/model';
import * as jobPlugins from '../../jobs/plugin';
import { CommandIDs, type IServer } from '../../tokens';
import type { RucioPanel } from '../panel';
import { panel as panelPlugin } from '../plugin';
import { chanceOf, World } from './world';

const SEEDS = [1, 2, 3];
const STEPS = 60;
/** Milliseconds; a busy machine takes far longer than one that is not. */
const PATIENCE = 60_000;
const KEYS = [
  ...['ArrowDown', 'ArrowUp', 'ArrowRight', 'ArrowLeft', 'End', 'Home'],
  ...['PageDown', ' ', 'a', 'Escape', 'Enter']
];
const COMMANDS: [string, JSONObject][] = [
  [CommandIDs.selectInstance, { instance: 'atlas' }],
  [CommandIDs.selectInstance, { instance: 'escape' }],
  [CommandIDs.pasteDids, { dids: 'a:b\nc:d' }],
  [CommandIDs.refresh, {}],
  [CommandIDs.stage, {}],
  [CommandIDs.signIn, {}],
  [CommandIDs.showJobs, {}],
  [CommandIDs.showPanel, {}]
];

/** A user who does anything at any time, at a server of which anything may be expected. */
class Walk {
  constructor(seed: number) {
    this._chance = chanceOf(seed);
    this.world = new World(this._chance);
    const { client, events } = this.world;
    const server: IServer = {
      client,
      events,
      engine: new Engine(client, events)
    };
    const app = {
      commands: this._commands,
      contextMenu: {},
      shell: {
        add: (panel: Widget) => Widget.attach(panel, document.body),
        activateById: () => undefined
      }
    } as unknown as JupyterFrontEnd;
    const { accounts, accountCommands } = accountPlugins;
    const known = accounts.activate(app, server);
    this.jobs = jobPlugins.jobs.activate(app, server) as Jobs;
    this.panel = panelPlugin.activate(app, server, known) as RucioPanel;
    void accountCommands.activate(app, known, this.panel);
    void jobPlugins.jobList.activate(app, server, this.jobs, this.panel);
    this.catalog = catalogPlugin.activate(
      app,
      server,
      known,
      this.jobs,
      this.panel
    ) as Catalog;
  }

  readonly world: World;
  readonly panel: RucioPanel;
  readonly jobs: Jobs;
  readonly catalog: Catalog;

  all(selector: string): HTMLElement[] {
    return [...this.panel.node.querySelectorAll<HTMLElement>(selector)];
  }

  /** Let time pass, drawing as it does. */
  async rest(milliseconds: number): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) {
      await act(async () => {
        await jest.advanceTimersByTimeAsync(milliseconds / 10);
        MessageLoop.flush();
      });
    }
  }

  async step(): Promise<void> {
    await act(async () => {
      this._pick(this._actions)();
      MessageLoop.flush();
    });
    await this.rest(this._pick([1, 20, 300, 2000]));
  }

  dispose(): void {
    act(() => this.panel.dispose());
    this.jobs.dispose();
    this.catalog.dispose();
  }

  private _press(selector: string, times = 1): void {
    const found = this._pick(this.all(selector)) ?? document.body;
    found.focus();
    for (let time = 0; time < times; time += 1) {
      fireEvent.click(found, this._modifiers());
    }
  }

  private _modifiers() {
    return { shiftKey: this._chance() < 0.3, ctrlKey: this._chance() < 0.3 };
  }

  private _pick<T>(from: readonly T[]): T {
    return from[Math.floor(this._chance() * from.length)];
  }

  private readonly _chance: () => number;
  private readonly _commands = new CommandRegistry();
  private readonly _actions: (() => void)[] = [
    () =>
      void this.catalog.ask({ scope: this._pick(['user.alice', 'data26']) }),
    () => this._press('[role="treeitem"]'),
    () => this._press('.jp-Rucio-row-caret'),
    () => this._press('button:not([aria-haspopup])'),
    () => this._press('.jp-Rucio-rowAction, .jp-Rucio-stage button', 2),
    () => this._press('.jp-Rucio-job button'),
    () => this._press('[role="tab"]'),
    () => {
      const [tree] = this.all('[role="tree"]');
      tree?.focus();
      const press = { key: this._pick(KEYS), ...this._modifiers() };
      fireEvent.keyDown(tree ?? document.body, press);
    },
    () => {
      const [list] = this.all('[role="tree"], [role="list"]');
      const scrollTop = 20_000 * this._chance();
      fireEvent.scroll(list ?? document.body, { target: { scrollTop } });
    },
    () => {
      const [command, args] = this._pick(COMMANDS);
      void this._commands.execute(command, args).catch(() => undefined);
    },
    () => this.world.advance(),
    () => this.world.events.missed.emit(),
    () => (this.world.failing = !this.world.failing && this._chance() < 0.5)
  ];
}

let walk: Walk;
const said = jest.fn();

beforeAll(measureNothing);
beforeEach(() => {
  jest.useFakeTimers();
  said.mockClear();
  jest.spyOn(console, 'error').mockImplementation((...words) => {
    // Lumino draws in its own time, too.
    if (!String(words[0]).includes('not wrapped in act')) {
      said(...words);
    }
  });
});
afterEach(() => {
  walk.dispose();
  jest.useRealTimers();
});

/** What the panel shows agrees with what is chosen, and nothing of it is broken. */
function check(hadFocus: boolean): void {
  const { catalog, panel, world } = walk;
  expect(said).not.toHaveBeenCalled();
  expect(world.startedTwice).toEqual([]);
  expect(panel.node.textContent).not.toContain('This cannot be shown');
  const rows = walk.all('[role="treeitem"][aria-posinset]');
  for (const row of rows) {
    const [did] = (row.getAttribute('aria-label') ?? '').split(',');
    const isChosen = catalog.selected.some(
      ({ did: one }) => didText(one) === did
    );
    expect(row.getAttribute('aria-selected')).toBe(String(isChosen));
  }
  const head = walk.all('.jp-Rucio-details h3')[0]?.textContent;
  expect(head ?? null).toBe(
    head && catalog.details ? didText(catalog.details.row.did) : null
  );
  if (hadFocus) {
    expect(document.activeElement?.tagName).not.toBe('BODY');
  }
}

it.each(SEEDS)(
  'whatever is done, the panel stays right: walk %i',
  async seed => {
    walk = new Walk(seed);
    const { jobs, panel, world } = walk;
    for (let step = 0; step < STEPS; step += 1) {
      const hadFocus = panel.node.contains(document.activeElement);
      await walk.step();
      check(hadFocus);
    }

    world.failing = false;
    world.events.missed.emit();
    await walk.rest(60_000);
    check(false);
    expect(jobs.all).toHaveLength(world.jobs.length);
    expect(jobs.all).toEqual(expect.arrayContaining([...world.jobs]));
    expect(panel.node.textContent).not.toMatch(/Loading|Asking|One moment/);

    world.end();
    await walk.rest(60_000);
    const { questions } = world;
    await walk.rest(60_000);
    expect(world.questions).toBe(questions);
  },
  PATIENCE
);
