import { Notification } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';

import { Failure } from '../../client/failure';
import { addCommands } from '../commands';

it('a command that fails tells the user, since no menu does', async () => {
  const commands = new CommandRegistry();
  const detail = 'There is no room for it.';
  addCommands(commands, {
    'rucio:good': { execute: () => 'done' },
    'rucio:bad': {
      execute: async () => {
        throw new Failure({ type: 'no-room', detail, do: 'retry' });
      }
    }
  });
  expect(await commands.execute('rucio:good')).toBe('done');
  expect(Notification.manager.count).toBe(0);
  await expect(commands.execute('rucio:bad')).rejects.toThrow(detail);
  expect(Notification.manager.notifications).toMatchObject([
    { type: 'error', message: detail }
  ]);
});
