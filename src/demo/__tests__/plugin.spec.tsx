import type { JupyterFrontEnd } from '@jupyterlab/application';
import { CommandRegistry } from '@lumino/commands';
import { act, fireEvent, render, screen } from '@testing-library/react';

import { FakeAccounts, named } from '../../accounts/__tests__/fakeaccounts';
import { Accounts } from '../../accounts/model';
import { FakeEvents } from '../../jobs/__tests__/fakejobs';
import { CommandIDs, type IPanel, type IServer } from '../../tokens';
import { demo } from '../plugin';
import { FakeDemo } from './fakedemo';

/** A panel with a form that the user can leave. */
class FakePanel implements Pick<IPanel, 'showForm'> {
  showForm(form: (close: () => boolean) => JSX.Element): void {
    const close = () => {
      const stood = this.open;
      this.open = false;
      return stood;
    };
    this.open = true;
    render(form(close));
  }

  open = false;
}

async function start() {
  const commands = new CommandRegistry();
  const search = jest.fn();
  commands.addCommand(CommandIDs.search, {
    describedBy: { args: {} },
    execute: search
  });
  const instances = new FakeAccounts();
  instances.list.push(named('demo'));
  const events = new FakeEvents();
  const accounts = new Accounts({ client: instances, events });
  const panel = new FakePanel();
  void demo.activate(
    { commands } as JupyterFrontEnd,
    { client: new FakeDemo() } as unknown as IServer,
    accounts,
    panel,
    null,
    null
  );
  await act(() => commands.execute(CommandIDs.tryDemo));
  await press('Start the demo');
  /** Wait until it is up. */
  const up = () => act(() => jest.advanceTimersByTimeAsync(10_000));
  return { accounts, panel, search, up };
}

const press = (name: string) =>
  act(async () => {
    fireEvent.click(screen.getByRole('button', { name }));
  });

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it('a demo that is waited for is shown once it is up', async () => {
  const { accounts, panel, search, up } = await start();
  await up();
  expect(panel.open).toBe(false);
  expect(accounts.current?.name).toBe('demo');
  expect(search).toHaveBeenCalledWith({ scope: 's', focus: false });
});

it('one whose form was left takes the user nowhere', async () => {
  const { accounts, search, up } = await start();
  await press('Close');
  await up();
  expect(accounts.known?.instances.map(({ name }) => name)).toContain('demo');
  expect(accounts.current?.name).toBe('escape');
  expect(search).not.toHaveBeenCalled();
});
