import type { CommandRegistry } from '@lumino/commands';

/** Commands by their names. */
export type CommandTable = Record<string, CommandRegistry.ICommandOptions>;

const NO_ARGUMENTS = { args: { type: 'object', properties: {} } } as const;

/** Add all commands of a table; one that describes no arguments takes none. Answers their names. */
export function addCommands(
  commands: CommandRegistry,
  table: CommandTable
): string[] {
  for (const [name, options] of Object.entries(table)) {
    commands.addCommand(name, { describedBy: NO_ARGUMENTS, ...options });
  }
  return Object.keys(table);
}
