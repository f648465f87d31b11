import { Clipboard, Notification } from '@jupyterlab/apputils';
import {
  type INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { MimeData } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { Drag } from '@lumino/dragdrop';

import type { IAccounts } from '../accounts/model';
import type { ICatalogClient } from '../client/client';
import { didText } from '../client/did';
import type { IEngine } from '../client/engine';
import type { Did } from '../client/generated';
import { elide, elidedText } from '../components/elide';
import { type Origin, stagedOf, Templates, unstaged } from './model';
import type { ICellTemplate, IStaged } from './templates';

/** Puts DIDs into notebooks as visible cells. */
export interface ICells {
  /**
   * Offer a way of reading files; disposing of the answer withdraws it. Of those that fit as well the user's
   * go first, then those of other extensions, those of the site, and the built-in ones.
   */
  add(template: ICellTemplate, origin?: Origin): IDisposable;
  /** The names of the templates that fit these DIDs, the best first. Rejects with `Failure`. */
  offers(instance: string, dids: readonly Did[]): Promise<string[]>;
  /** Insert a cell below the active one; without a notebook its text goes to the clipboard. */
  insert(
    instance: string,
    dids: readonly Did[],
    template?: string
  ): Promise<void>;
  /** Begin to drag DIDs as one cell; it lands where it is dropped. */
  drag(instance: string, dids: readonly Did[], event: PointerEvent): void;
}

const CELLS_MIME = 'application/vnd.jupyter.cells';
/** Characters of a name that fit beside the pointer. */
const LONGEST = 44;

export interface ICellsOptions {
  client: ICatalogClient;
  engine: Pick<IEngine, 'environment'>;
  accounts: Pick<IAccounts, 'known'>;
  tracker: INotebookTracker | null;
  trans: TranslationBundle;
  /** Brings a notebook to the front. */
  activate: (notebook: NotebookPanel) => void;
}

export class Cells implements ICells {
  constructor(private readonly options: ICellsOptions) {
    this._templates = new Templates(options.trans);
  }

  add(template: ICellTemplate, origin: Origin = 'extension'): IDisposable {
    return this._templates.add(template, origin);
  }

  async offers(instance: string, dids: readonly Did[]): Promise<string[]> {
    return this._templates.offers(await this._staged(instance, dids));
  }

  async insert(
    instance: string,
    dids: readonly Did[],
    template?: string
  ): Promise<void> {
    const { tracker, trans, activate } = this.options;
    // That which is meant, though another one may be in front when the answer comes.
    const panel = tracker?.currentWidget;
    const staged = await this._staged(instance, dids);
    const source = this._source(instance, staged, template);
    const model = panel && !panel.isDisposed ? panel.content.model : null;
    if (!panel || !model || model.readOnly) {
      Clipboard.copyToSystem(source);
      Notification.info(
        trans.__('No notebook is open here, so the code was copied instead.'),
        { autoClose: 5000 }
      );
      return;
    }
    NotebookActions.insertBelow(panel.content);
    const cell = panel.content.activeCell?.model;
    cell?.sharedModel.setSource(source);
    cell?.setMetadata('rucio', { dids: dids.map(didText) });
    activate(panel);
  }

  drag(instance: string, dids: readonly Did[], event: PointerEvent): void {
    const texts = dids.map(didText);
    const cell = {
      cell_type: 'code',
      metadata: { rucio: { dids: texts } },
      // What the drop finds if the catalogue has not answered by then.
      source: this._source(instance, dids.map(unstaged)),
      outputs: [],
      execution_count: null
    };
    void this._staged(instance, dids).then(
      staged => {
        cell.source = this._source(instance, staged);
      },
      () => undefined // the drop finds what is there now
    );
    const mimeData = new MimeData();
    mimeData.setData(CELLS_MIME, [cell]);
    mimeData.setData('text/plain', texts.join('\n'));
    const drag = new Drag({
      mimeData,
      dragImage: this._dragImage(dids),
      supportedActions: 'copy',
      proposedAction: 'copy',
      source: this
    });
    void drag.start(event.clientX, event.clientY).then(() => drag.dispose());
  }

  /** A kernel asks the default instance unless it is told otherwise. */
  private _source(
    instance: string,
    staged: readonly IStaged[],
    template?: string
  ): string {
    const several = (this.options.accounts.known?.instances.length ?? 0) > 1;
    return this._templates.source(staged, {
      template,
      instance: several ? instance : null
    });
  }

  private _staged(instance: string, dids: readonly Did[]): Promise<IStaged[]> {
    const { client, engine } = this.options;
    const most = engine.environment?.summaries_limit ?? dids.length;
    return stagedOf(client, instance, dids, most);
  }

  private _dragImage([first, ...more]: readonly Did[]): HTMLElement {
    const name = elidedText(elide(first.name, LONGEST));
    const node = document.createElement('div');
    node.className = 'jp-Rucio-dragImage';
    node.textContent = more.length
      ? this.options.trans._n(
          '%2 and %1 more',
          '%2 and %1 more',
          more.length,
          name
        )
      : name;
    return node;
  }

  private readonly _templates: Templates;
}
