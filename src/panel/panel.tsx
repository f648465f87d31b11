import { ReactWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import type { CommandRegistry } from '@lumino/commands';
import { type ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { Header } from '../accounts/header';
import { SignInForm } from '../accounts/signin';
import type { IEngine } from '../client/engine';
import { Boundary } from '../components/boundary';
import { rucioIcon } from '../components/icons';
import { TabBody, Tabs } from '../components/tabs';
import {
  CommandIDs,
  type IAccounts,
  type IPanel,
  type IPanelTab
} from '../tokens';
import { FocusKeeper, type IContextMenu } from './focuskeeper';
import { PanelState, Warnings } from './states';

export interface IPanelOptions {
  accounts: IAccounts;
  engine: IEngine;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Brings the panel's place in the shell to the front. */
  activate: () => void;
  contextMenu?: IContextMenu;
}

/** Milliseconds between two drawings of the time that is left. */
const TICK = 30_000;

/** What has the focus when a tab is shown: a field for text, else the tab itself, else what is there. */
const FIRST_TO_FOCUS = [
  'input:enabled:not([type="number"]), select:enabled, textarea:enabled',
  '[role="tab"][aria-selected="true"]',
  'button:enabled'
];

/** The panel in the side bar: who the user is, tabs that features add, and the states of it all. */
export class RucioPanel extends ReactWidget implements IPanel {
  constructor(private readonly options: IPanelOptions) {
    super();
    const { accounts, engine, trans, contextMenu } = options;
    this.id = 'rucio-panel';
    this.addClass('jp-RucioPanel');
    this.title.icon = rucioIcon;
    this.title.caption = trans.__('Rucio');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Rucio'));
    this._focus = new FocusKeeper(this.node, contextMenu);
    accounts.changed.connect(this.update, this);
    engine.changed.connect(this.update, this);
    this._timer = window.setInterval(() => this.update(), TICK);
  }

  override dispose(): void {
    window.clearInterval(this._timer);
    this._focus.dispose();
    super.dispose();
  }

  addTab(tab: IPanelTab): IDisposable {
    this._tabs = [...this._tabs, tab].sort((a, b) => a.rank - b.rank);
    this.update();
    return new DisposableDelegate(() => {
      this._tabs = this._tabs.filter(other => other !== tab);
      this.update();
    });
  }

  showTab(tab?: string, focus = true): void {
    this._current = tab ?? this._current;
    this._form = null;
    this._arrivals += focus ? 1 : 0;
    this.options.activate();
    this.update();
    this._tabChanged.emit();
  }

  /** Show a form in place of the tabs; the focus returns to where it was. */
  showForm(form: (close: () => boolean) => JSX.Element): void {
    const before = document.activeElement;
    const number = (this._forms += 1);
    const close = (): boolean => {
      if (!this._form || this._forms !== number) {
        return false;
      }
      const { activeElement } = document;
      // Who writes elsewhere by now is left there.
      const isHere =
        activeElement === document.body || this.node.contains(activeElement);
      this._form = null;
      this.update();
      if (
        isHere &&
        before instanceof HTMLElement &&
        this.node.contains(before)
      ) {
        requestAnimationFrame(() => before.focus());
      }
      return true;
    };
    // The key keeps what was typed into one form out of the next.
    this._form = (
      <Boundary key={number} trans={this.options.trans}>
        {form(close)}
      </Boundary>
    );
    this.options.activate();
    this.update();
  }

  /** Emitted when another tab is shown. */
  get tabChanged(): ISignal<this, void> {
    return this._tabChanged;
  }

  get currentTab(): string | null {
    return this._current;
  }

  /** Show the tab of last time, unless the user has chosen one meanwhile. */
  restoreTab(tab: string): void {
    this._current ??= tab;
    this.update();
  }

  render(): JSX.Element {
    const { accounts, engine, commands, trans } = this.options;
    const { current, known } = accounts;
    return (
      <>
        <Header
          instances={known?.instances ?? []}
          current={current}
          upToDate={engine.obstacle === null}
          commands={commands}
          trans={trans}
          now={Date.now() / 1000}
          choices={() => accounts.choices()}
        />
        {this._form ?? (
          <PanelState
            accounts={accounts}
            engine={engine}
            trans={trans}
            onAdd={() => void commands.execute(CommandIDs.addInstance)}
            onDemo={
              commands.hasCommand(CommandIDs.tryDemo)
                ? () => void commands.execute(CommandIDs.tryDemo)
                : null
            }
            signIn={instance => (
              <SignInForm
                key={instance.name}
                instance={instance}
                trans={trans}
                onSignIn={how => accounts.signIn(instance.name, how)}
              />
            )}
          >
            <Warnings
              accounts={accounts}
              trans={trans}
              onSignIn={() => void commands.execute(CommandIDs.signIn)}
            />
            {this._renderTabs()}
          </PanelState>
        )}
        <Arrival number={this._arrivals} onArrival={this._takeFocus} />
      </>
    );
  }

  private _renderTabs(): JSX.Element | null {
    const current =
      this._tabs.find(({ id }) => id === this._current) ?? this._tabs[0];
    if (!current) {
      return null;
    }
    return (
      <>
        <Tabs
          tabs={this._tabs.map(({ id, label, badge }) => ({
            id,
            label,
            badge: badge?.()
          }))}
          current={current.id}
          label={this.options.trans.__('Rucio')}
          prefix="jp-Rucio"
          look="bar"
          onSelect={id => this.showTab(id)}
        />
        <TabBody current={current.id} prefix="jp-Rucio">
          <Boundary key={current.id} trans={this.options.trans}>
            {current.render()}
          </Boundary>
        </TabBody>
      </>
    );
  }

  /** What is typed is meant for what was shown, not for a notebook that had the focus. */
  private _takeFocus = (): void => {
    if (!this.node.contains(document.activeElement)) {
      FIRST_TO_FOCUS.map(each => this.node.querySelector<HTMLElement>(each))
        .find(found => found !== null)
        ?.focus();
    }
  };

  private readonly _tabChanged = new Signal<this, void>(this);
  private readonly _focus: FocusKeeper;
  private readonly _timer: number;
  private _tabs: IPanelTab[] = [];
  private _current: string | null = null;
  private _form: JSX.Element | null = null;
  /** How often a tab was brought to the front, to be used at once. */
  private _arrivals = 0;
  /** How many forms were shown; tells one from the next. */
  private _forms = 0;
}

interface IArrivalProps {
  /** Another number is another arrival. */
  number: number;
  onArrival: () => void;
}

/** Tells once what was brought to the front is drawn. */
function Arrival({ number, onArrival }: IArrivalProps): null {
  React.useEffect(() => {
    if (number > 0) {
      onArrival();
    }
  }, [number, onArrival]);
  return null;
}
