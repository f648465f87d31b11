import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, ellipsesIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import type { AccountStatus, InstanceInfo } from '../client/generated';
import { MenuButton, type MenuEntry } from '../components/menu';
import { duration } from '../components/quantity';
import { CommandIDs } from '../tokens';

export interface IHeaderProps {
  instances: readonly InstanceInfo[];
  current: InstanceInfo | null;
  /** Whether what is known of the instances is what is true now. */
  upToDate: boolean;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Seconds since 1970. */
  now: number;
  /** The accounts to choose from, asked for when the menu opens. */
  choices: () => Promise<readonly string[]>;
}

/** Which Rucio, who the user is there, for how long, and a menu for the rest. */
export function Header(props: IHeaderProps): JSX.Element {
  const { instances, current, upToDate, commands, trans, now } = props;
  const more = (): readonly MenuEntry[] => [
    { command: CommandIDs.pasteDids },
    { command: CommandIDs.refresh },
    'separator',
    { command: CommandIDs.addInstance },
    { command: CommandIDs.removeInstance },
    { command: CommandIDs.examine },
    ...(commands.hasCommand(CommandIDs.tryDemo)
      ? [{ command: CommandIDs.tryDemo }]
      : []),
    'separator',
    { command: CommandIDs.openSettings }
  ];
  return (
    <div className="jp-Rucio-header">
      {current && (
        <MenuButton
          commands={commands}
          className="jp-Rucio-instance"
          label={trans.__('Instance: %1', current.display_name)}
          entries={() => [
            ...instances.map(({ name }) => ({
              command: CommandIDs.selectInstance,
              args: { instance: name }
            })),
            'separator',
            { command: CommandIDs.addInstance }
          ]}
        >
          <span
            className={`jp-Rucio-dot jp-mod-${upToDate ? current.account.state : 'unknown'}`}
            aria-hidden="true"
          />
          <b>{current.display_name}</b>
          <caretDownIcon.react
            tag="span"
            className="jp-Rucio-caret"
            aria-hidden="true"
          />
        </MenuButton>
      )}
      {!current && <b className="jp-Rucio-instance">{trans.__('Rucio')}</b>}
      {current && <AccountButton {...props} current={current} now={now} />}
      <MenuButton
        commands={commands}
        className="jp-Rucio-iconButton"
        label={trans.__('More')}
        entries={more}
      >
        <ellipsesIcon.react tag="span" aria-hidden="true" />
      </MenuButton>
    </div>
  );
}

function AccountButton(
  props: IHeaderProps & { current: InstanceInfo }
): JSX.Element {
  const { current, choices, commands, trans, now } = props;
  const { account } = current;
  const entries = async (): Promise<readonly MenuEntry[]> => {
    const others = (await choices()).map(name => ({
      command: CommandIDs.switchAccount,
      args: { account: name }
    }));
    return [
      ...others,
      ...(others.length ? (['separator'] as const) : []),
      { command: CommandIDs.signIn },
      { command: CommandIDs.signOut }
    ];
  };
  const [who, ...more] = standing(account, now, trans);
  return (
    <span>
      <MenuButton
        commands={commands}
        className={`jp-Rucio-account jp-mod-${account.state}`}
        label={trans.__('Account: %1', [who, ...more].join(' · '))}
        entries={entries}
      >
        <span className="jp-Rucio-account-name">{who}</span>
        {more.map(fact => (
          <span key={fact} className="jp-Rucio-account-fact">
            {`· ${fact}`}
          </span>
        ))}
        <caretDownIcon.react
          tag="span"
          className="jp-Rucio-caret"
          aria-hidden="true"
        />
      </MenuButton>
    </span>
  );
}

/** Who the user is and for how long: `alice`, `1 h 40 left`. */
export function standing(
  account: AccountStatus,
  now: number,
  trans: TranslationBundle
): string[] {
  const name = account.account ?? trans.__('signed in');
  switch (account.state) {
    case 'signed-out':
      return [trans.__('signed out')];
    case 'lapsed':
      return [
        ...(account.account ? [account.account] : []),
        trans.__('lapsed')
      ];
    case 'lapsing':
    case 'signed-in':
      return account.expires_at === null
        ? [name]
        : [
            name,
            trans.__('%1 left', duration(account.expires_at - now, trans))
          ];
  }
}
