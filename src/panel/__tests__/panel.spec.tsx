import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { MessageLoop } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, fireEvent, screen } from '@testing-library/react';
import * as React from 'react';

import { FakeAccounts } from '../../accounts/__tests__/fakeaccounts';
import { addAccountCommands } from '../../accounts/commands';
import { Accounts } from '../../accounts/model';
import type { IEngine } from '../../client/engine';
import { FakeEvents } from '../../jobs/__tests__/fakejobs';
import { CommandIDs } from '../../tokens';
import { RucioPanel } from '../panel';

class FakeEngine implements IEngine {
  readonly changed = new Signal<this, void>(this);
  readonly recovered = new Signal<this, void>(this);
  readonly obstacle = null;
  readonly environment = null;
  retry = async () => undefined;
}

const trans = nullTranslator.load('');
let panel: RucioPanel;
let commands: CommandRegistry;

/** Do something, and wait until the panel is drawn again. */
const drawn = (change: () => unknown) =>
  act(async () => {
    await change();
    MessageLoop.flush();
  });
/** Show a form of one field; answers what closes it. */
const show = async (label: string) => {
  let close = () => false;
  await drawn(() =>
    panel.showForm(closeForm => {
      close = closeForm;
      return <input aria-label={label} />;
    })
  );
  return close;
};
const field = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
const type = (label: string, value: string) =>
  fireEvent.change(field(label), { target: { value } });

beforeEach(async () => {
  const accounts = new Accounts({
    client: new FakeAccounts(),
    events: new FakeEvents()
  });
  commands = new CommandRegistry();
  panel = new RucioPanel({
    accounts,
    engine: new FakeEngine(),
    commands,
    trans,
    activate: () => undefined
  });
  addAccountCommands(commands, { accounts, panel, trans });
  await drawn(() => Widget.attach(panel, document.body));
});
afterEach(() => act(async () => panel.dispose()));

it('what was typed to sign in at one instance is not taken to another', async () => {
  const signIn = (instance: string) =>
    drawn(() => commands.execute(CommandIDs.signIn, { instance }));
  await signIn('atlas');
  type('Password', 'secret');
  await signIn('escape');
  expect(field('Password').value).toBe('');
});

it('a form that is left does not close the next one', async () => {
  const close = await show('first');
  await show('second');
  type('second', 'typed');
  await drawn(() => expect(close()).toBe(false));
  expect(field('second').value).toBe('typed');
});

it('a form that ends by itself leaves the focus with who writes elsewhere', async () => {
  const button = panel.node.appendChild(document.createElement('button'));
  button.focus();
  const close = await show('form');
  const cell = document.body.appendChild(document.createElement('textarea'));
  cell.focus();
  await drawn(() => void close());
  await new Promise(requestAnimationFrame);
  expect(document.activeElement).toBe(cell);
  cell.remove();
});

it('a form that stands there is closed once', async () => {
  const close = await show('form');
  await drawn(() => expect([close(), close()]).toEqual([true, false]));
  expect(screen.queryByLabelText('form')).toBeNull();
});

describe('a tab that is brought to the front', () => {
  const focused = () => document.activeElement?.id;

  beforeEach(() =>
    drawn(() => {
      panel.addTab({
        id: 'explore',
        label: trans.__('Explore'),
        rank: 10,
        render: () => <input id="scope" />
      });
      panel.addTab({
        id: 'jobs',
        label: trans.__('Jobs'),
        rank: 20,
        render: () => <p>{trans.__('Nothing staged yet')}</p>
      });
    })
  );

  it('has the focus, so that keys do not go to a notebook', async () => {
    const cell = document.body.appendChild(document.createElement('textarea'));
    cell.focus();
    await drawn(() => panel.showTab('explore'));
    expect(focused()).toBe('scope');
    cell.focus();
    await drawn(() => panel.showTab('jobs'));
    expect(focused()).toBe('jp-Rucio-tab-jobs');
    cell.remove();
  });

  it('leaves the focus where it is within the panel', async () => {
    screen.getByRole('tab', { name: 'Explore' }).focus();
    await drawn(() => panel.showTab('explore'));
    expect(focused()).toBe('jp-Rucio-tab-explore');
  });

  it('leaves the focus in the notebook if it comes by itself', async () => {
    const cell = document.body.appendChild(document.createElement('textarea'));
    cell.focus();
    await drawn(() => panel.showTab('explore', false));
    expect(document.activeElement).toBe(cell);
    cell.remove();
  });

  it('takes the focus once, and not at each drawing', async () => {
    await drawn(() => panel.showTab('explore'));
    (document.activeElement as HTMLElement).blur();
    await drawn(() => panel.update());
    expect(document.activeElement).toBe(document.body);
  });
});

describe('a tab that cannot be drawn', () => {
  let broken: boolean;

  function Fragile(): JSX.Element {
    if (broken) {
      throw new Error('no such row');
    }
    return <p>{trans.__('All is well')}</p>;
  }

  beforeEach(async () => {
    broken = true;
    jest.spyOn(console, 'error').mockImplementation(); // React tells of it there
    await drawn(() => {
      panel.addTab({
        id: 'fragile',
        label: trans.__('Fragile'),
        rank: 10,
        render: () => <Fragile />
      });
      panel.addTab({
        id: 'jobs',
        label: trans.__('Jobs'),
        rank: 20,
        render: () => <p>{trans.__('Nothing staged yet')}</p>
      });
    });
  });
  afterEach(() => jest.restoreAllMocks());

  it('says so, and takes no other away', async () => {
    expect(screen.getByText('Error: no such row')).toBeTruthy();
    await drawn(() => panel.showTab('jobs'));
    expect(screen.getByText('Nothing staged yet')).toBeTruthy();
  });

  it('is drawn again when that is tried', async () => {
    broken = false;
    await drawn(() =>
      fireEvent.click(screen.getByRole('button', { name: 'Try again' }))
    );
    expect(screen.getByText('All is well')).toBeTruthy();
  });
});
