import { Notification } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';

import { obstacleOf } from '../client/failure';

/** Commands by their names. */
export type CommandTable = Record<string, CommandRegistry.ICommandOptions>;

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

/**
 * Add all commands of a table; one that describes no arguments takes none. Answers their names.
 *
 * Menus, palette and shortcuts do not look at how a command ended, so one that fails tells the user itself.
 */
export function addCommands(
  commands: CommandRegistry,
  table: CommandTable
): string[] {
  for (const [name, options] of Object.entries(table)) {
    commands.addCommand(name, {
      describedBy: NO_ARGUMENTS,
      ...options,
      execute: async args => {
        try {
          return await options.execute(args);
        } catch (reason) {
          Notification.error(obstacleOf(reason).detail, { autoClose: false });
          throw reason;
        }
      }
    });
  }
  return Object.keys(table);
}
