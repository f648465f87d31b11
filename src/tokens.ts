import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';

import type { IAccounts as IAccountsModel } from './accounts/model';
import type { ICatalog as ICatalogModel } from './catalog/model';
import type { IClient } from './client/client';
import type { IEngine } from './client/engine';
import type { IEvents } from './client/events';
import type { IJobs as IJobsModel } from './jobs/model';
import type { ICells as ICellsModel } from './notebook/cells';

/** The server extension: what can be asked, and what it tells by itself. */
export interface IServer {
  readonly client: IClient;
  readonly events: IEvents;
  readonly engine: IEngine;
}

/** A tab of the panel. */
export interface IPanelTab {
  id: string;
  label: string;
  /** Tabs stand in the order of their ranks. */
  rank: number;
  /** A number that asks for attention; 0 or absent shows nothing. */
  badge?: () => number;
  render: () => JSX.Element;
}

/** The panel in the side bar. */
export interface IPanel {
  /** Add a tab; disposing of the answer takes it away again. */
  addTab(tab: IPanelTab): IDisposable;
  /** Draw it again, since what a tab or a badge shows has changed. */
  update(): void;
  /** Bring the panel to the front, and a tab of it; `focus` unless what is typed is meant for something else. */
  showTab(tab?: string, focus?: boolean): void;
  /** Show a form in place of the tabs until it calls back. That answers whether it still stood there. */
  showForm(form: (close: () => boolean) => JSX.Element): void;
}

export type IAccounts = IAccountsModel;
export type ICatalog = ICatalogModel;
export type IJobs = IJobsModel;
export type ICells = ICellsModel;

export const IServer = new Token<IServer>(
  'rucio-jupyterlab:IServer',
  'The REST client and the events of the Rucio server extension.'
);
export const IAccounts = new Token<IAccounts>(
  'rucio-jupyterlab:IAccounts',
  'The Rucio instances, and who the user is at each.'
);
export const ICatalog = new Token<ICatalog>(
  'rucio-jupyterlab:ICatalog',
  'Searches the catalogue of the current instance.'
);
export const IJobs = new Token<IJobs>(
  'rucio-jupyterlab:IJobs',
  'The staging jobs of this user, kept current by server events.'
);
export const IPanel = new Token<IPanel>(
  'rucio-jupyterlab:IPanel',
  'The Rucio panel in the side bar, to which tabs can be added.'
);
export const ICells = new Token<ICells>(
  'rucio-jupyterlab:ICells',
  'Turns staged files into notebook cells; templates can be added.'
);

export namespace CommandIDs {
  export const showPanel = 'rucio:show-panel';
  export const refresh = 'rucio:refresh';
  export const openSettings = 'rucio:open-settings';

  export const selectInstance = 'rucio:select-instance';
  export const addInstance = 'rucio:add-instance';
  export const removeInstance = 'rucio:remove-instance';
  export const signIn = 'rucio:sign-in';
  export const signOut = 'rucio:sign-out';
  export const switchAccount = 'rucio:switch-account';
  export const examine = 'rucio:examine';
  export const tryDemo = 'rucio:try-demo';

  export const search = 'rucio:search';
  export const pasteDids = 'rucio:paste-dids';
  export const stage = 'rucio:stage';
  export const copyDid = 'rucio:copy-did';
  export const insertChosen = 'rucio:insert-chosen';
  export const evict = 'rucio:evict';

  export const showJobs = 'rucio:show-jobs';
  export const pauseJobs = 'rucio:pause-jobs';
  export const resumeJobs = 'rucio:resume-jobs';
  export const cancelJobs = 'rucio:cancel-jobs';
  export const retryJobs = 'rucio:retry-jobs';
  export const clearJobs = 'rucio:clear-jobs';

  export const insertCell = 'rucio:insert-cell';
  export const reveal = 'rucio:reveal';
}
