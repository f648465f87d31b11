import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { obstacleOf } from '../client/failure';
import type { InstanceInfo, Reachability } from '../client/generated';
import { addCommands } from '../components/commands';
import { count, seconds } from '../components/quantity';
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
const ACCOUNT = {
  type: 'object',
  properties: {
    account: { type: 'string', description: 'An account of the user.' }
  },
  required: ['account']
} as const;

/** Milliseconds that the answer of an instance is shown; by itself JupyterLab would only count it. */
const STAY = 8000;

/** Commands about instances and accounts. Answers their names, for the palette. */
export function addAccountCommands(
  commands: CommandRegistry,
  options: IAccountCommandsOptions
): string[] {
  const { accounts, panel, trans } = options;
  const meant = (name: unknown): InstanceInfo | null =>
    name
      ? (accounts.known?.instances.find(one => one.name === name) ?? null)
      : accounts.current;
  /** Do something with the instance that is meant, if there is one. */
  const withMeant =
    (act: (instance: InstanceInfo) => unknown) =>
    (args: { instance?: unknown }): unknown => {
      const instance = meant(args.instance);
      return instance && act(instance);
    };

  return addCommands(commands, {
    [CommandIDs.selectInstance]: {
      label: args =>
        meant(args.instance)?.display_name ?? trans.__('Select an instance'),
      isToggleable: true,
      isToggled: args => accounts.current?.name === args.instance,
      isVisible: args => Boolean(args.instance),
      describedBy: { args: { ...INSTANCE, required: ['instance'] } },
      // Answers what is selected now; null where there is no such instance.
      execute: withMeant(({ name }) => {
        accounts.select(name);
        return name;
      })
    },
    [CommandIDs.addInstance]: {
      label: trans.__('Add an Instance…'),
      caption: trans.__('Add a Rucio by its address'),
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
    },
    [CommandIDs.removeInstance]: {
      label: trans.__('Forget This Instance…'),
      caption: trans.__('Forget an instance that was added here'),
      describedBy: { args: INSTANCE },
      isEnabled: args => meant(args.instance)?.source === 'user',
      execute: withMeant(async instance => {
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
      })
    },
    [CommandIDs.examine]: {
      label: trans.__('Check the Connection'),
      caption: trans.__('Ask the instance for a sign of life'),
      describedBy: { args: INSTANCE },
      isEnabled: args => meant(args.instance) !== null,
      execute: withMeant(({ name, display_name }) =>
        Notification.promise(accounts.examine(name), {
          pending: {
            message: trans.__('Asking %1…', display_name),
            options: { autoClose: false }
          },
          success: {
            message: found =>
              reachText(display_name, found as Reachability, trans),
            options: { autoClose: STAY }
          },
          error: {
            message: reason => obstacleOf(reason).detail,
            options: { autoClose: false }
          }
        })
      )
    },
    [CommandIDs.signIn]: {
      label: trans.__('Sign In…'),
      caption: trans.__('Sign in to a Rucio instance'),
      describedBy: { args: INSTANCE },
      isEnabled: args => meant(args.instance) !== null,
      execute: withMeant(instance =>
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
        )
      )
    },
    [CommandIDs.signOut]: {
      label: trans.__('Sign Out'),
      caption: trans.__('Forget the token of this instance'),
      describedBy: { args: INSTANCE },
      isEnabled: args =>
        (meant(args.instance)?.account.state ?? 'signed-out') !== 'signed-out',
      execute: withMeant(({ name }) => accounts.signOut(name))
    },
    [CommandIDs.switchAccount]: {
      label: args => String(args.account ?? trans.__('Switch account')),
      isToggleable: true,
      isToggled: args => accounts.current?.account.account === args.account,
      isVisible: args => Boolean(args.account),
      describedBy: { args: ACCOUNT },
      execute: async args => {
        if (accounts.current) {
          await accounts.switchAccount(
            accounts.current.name,
            String(args.account)
          );
        }
      }
    }
  });
}

/** Seconds between two clocks from which on tokens and certificates may be refused. */
const SKEW = 60;

/** How an instance answered: `ATLAS answers in 0.1 s. It is Rucio 41.5.1.` */
export function reachText(
  name: string,
  { version, seconds: took, clock_skew: skew }: Reachability,
  trans: TranslationBundle
): string {
  const parts = [
    trans.__('%1 answers in %2.', name, seconds(took, trans)),
    trans.__('It is Rucio %1.', version)
  ];
  if (skew !== null && Math.abs(skew) >= SKEW) {
    parts.push(
      skew > 0
        ? trans.__('Its clock is %1 s ahead of ours.', count(Math.round(skew)))
        : trans.__('Its clock is %1 s behind ours.', count(Math.round(-skew)))
    );
  }
  return parts.join(' ');
}
