import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { InstanceInfo } from '../client/generated';
import { CommandIDs, type IAccounts, type IPanel } from '../tokens';
import { AddInstanceForm } from './addinstance';
import { SignInForm } from './signin';

export interface IAccountCommandsOptions {
  accounts: IAccounts;
  panel: IPanel;
  trans: TranslationBundle;
}

const INSTANCE = {
  type: 'object',
  properties: {
    instance: {
      type: 'string',
      description: 'Name of an instance; absent: the current one.'
    }
  }
} as const;

/** Commands about instances and accounts. */
export function addAccountCommands(
  commands: CommandRegistry,
  options: IAccountCommandsOptions
): void {
  const { accounts, panel, trans } = options;
  const meant = (name: unknown): InstanceInfo | null =>
    name
      ? (accounts.known?.instances.find(one => one.name === name) ?? null)
      : accounts.current;

  commands.addCommand(CommandIDs.selectInstance, {
    label: args =>
      meant(args.instance)?.display_name ?? trans.__('Select an instance'),
    isToggleable: true,
    isToggled: args => accounts.current?.name === args.instance,
    isVisible: args => Boolean(args.instance),
    describedBy: { args: { ...INSTANCE, required: ['instance'] } },
    execute: args => accounts.select(String(args.instance))
  });

  commands.addCommand(CommandIDs.addInstance, {
    label: trans.__('Add an Instance…'),
    caption: trans.__('Add a Rucio by its address'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () =>
      panel.showForm(close =>
        React.createElement(AddInstanceForm, {
          trans,
          onCancel: close,
          onAdd: async instance => {
            await accounts.add(instance);
            close();
          }
        })
      )
  });

  commands.addCommand(CommandIDs.removeInstance, {
    label: trans.__('Forget This Instance…'),
    caption: trans.__('Forget an instance that was added here'),
    describedBy: { args: INSTANCE },
    isEnabled: args => meant(args.instance)?.source === 'user',
    execute: async args => {
      const instance = meant(args.instance);
      if (!instance) {
        return;
      }
      const { button } = await showDialog({
        title: trans.__('Forget %1?', instance.display_name),
        body: trans.__('Staged files stay where they are.'),
        buttons: [
          Dialog.cancelButton(),
          Dialog.warnButton({ label: trans.__('Forget') })
        ]
      });
      if (button.accept) {
        await accounts.remove(instance.name);
      }
    }
  });

  commands.addCommand(CommandIDs.signIn, {
    label: trans.__('Sign In…'),
    caption: trans.__('Sign in to a Rucio instance'),
    describedBy: { args: INSTANCE },
    isEnabled: args => meant(args.instance) !== null,
    execute: args => {
      const instance = meant(args.instance);
      if (instance) {
        panel.showForm(close =>
          React.createElement(SignInForm, {
            instance,
            trans,
            onCancel: close,
            onSignIn: async how => {
              await accounts.signIn(instance.name, how);
              close();
            }
          })
        );
      }
    }
  });

  commands.addCommand(CommandIDs.signOut, {
    label: trans.__('Sign Out'),
    caption: trans.__('Forget the token of this instance'),
    describedBy: { args: INSTANCE },
    isEnabled: args => meant(args.instance)?.account.state !== 'signed-out',
    execute: async args => {
      const instance = meant(args.instance);
      if (instance) {
        await accounts.signOut(instance.name);
      }
    }
  });

  commands.addCommand(CommandIDs.switchAccount, {
    label: args => String(args.account ?? trans.__('Switch account')),
    isToggleable: true,
    isToggled: args => accounts.current?.account.account === args.account,
    isVisible: args => Boolean(args.account),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          account: { type: 'string', description: 'An account of the user.' }
        },
        required: ['account']
      }
    },
    execute: async args => {
      if (accounts.current) {
        await accounts.switchAccount(
          accounts.current.name,
          String(args.account)
        );
      }
    }
  });
}
