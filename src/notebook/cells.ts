import { Clipboard, Notification } from '@jupyterlab/apputils';
import { type INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { MimeData } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { Drag } from '@lumino/dragdrop';

import type { IAccounts } from '../accounts/model';
import { didText } from '../catalog/did';
import type { ICatalogClient } from '../client/client';
import type { Did } from '../client/generated';
import { elide, elidedText } from '../components/elide';
import { Templates, stagedOf } from './model';
import type { ICellTemplate, IStaged } from './templates';

/** Puts DIDs into notebooks as visible cells. */
export interface ICells {
  /** Offer a way of reading files before the built-in ones; disposing of the answer withdraws it. */
  add(template: ICellTemplate): IDisposable;
  /** The names of the templates that fit these DIDs, the best first. Rejects with `Failure`. */
  offers(instance: string, dids: readonly Did[]): Promise<string[]>;
  /** Insert a cell below the active one; without a notebook its text goes to the clipboard. */
  insert(
    instance: string,
    dids: readonly Did[],
    template?: string
  ): Promise<void>;
  /** Begin to drag a DID as a cell; it lands where it is dropped. */
  drag(instance: string, did: Did, event: PointerEvent): void;
}

const CELLS_MIME = 'application/vnd.jupyter.cells';
/** Characters of a name that fit beside the pointer. */
const LONGEST = 44;
/** DIDs in one question for their summaries; the server takes no more. */
const MOST_AT_ONCE = 100;

export class Cells implements ICells {
  constructor(
    private readonly client: ICatalogClient,
    private readonly accounts: Pick<IAccounts, 'known'>,
    private readonly tracker: INotebookTracker | null,
    private readonly trans: TranslationBundle
  ) {
    this._templates = new Templates(trans);
  }

  add(template: ICellTemplate): IDisposable {
    return this._templates.add(template);
  }

  async offers(instance: string, dids: readonly Did[]): Promise<string[]> {
    return this._templates.offers(await this._staged(instance, dids));
  }

  async insert(
    instance: string,
    dids: readonly Did[],
    template?: string
  ): Promise<void> {
    const staged = await this._staged(instance, dids);
    const source = this._source(instance, staged, template);
    const notebook = this.tracker?.currentWidget?.content;
    if (!notebook?.model || notebook.model.readOnly) {
      Clipboard.copyToSystem(source);
      Notification.info(
        this.trans.__(
          'No notebook is open here, so the code was copied instead.'
        ),
        { autoClose: 5000 }
      );
      return;
    }
    NotebookActions.insertBelow(notebook);
    const cell = notebook.activeCell?.model;
    cell?.sharedModel.setSource(source);
    cell?.setMetadata('rucio', { dids: dids.map(didText) });
    notebook.activate();
  }

  drag(instance: string, did: Did, event: PointerEvent): void {
    const cell = {
      cell_type: 'code',
      metadata: { rucio: { dids: [didText(did)] } },
      // What the drop finds if the catalogue has not answered by then.
      source: this._source(instance, [unstaged(did)]),
      outputs: [],
      execution_count: null
    };
    void this._staged(instance, [did]).then(
      staged => {
        cell.source = this._source(instance, staged);
      },
      () => undefined // the drop finds what is there now
    );
    const mimeData = new MimeData();
    mimeData.setData(CELLS_MIME, [cell]);
    mimeData.setData('text/plain', didText(did));
    const drag = new Drag({
      mimeData,
      dragImage: dragImage(did.name),
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
    const several = (this.accounts.known?.instances.length ?? 0) > 1;
    return this._templates.source(staged, {
      template,
      instance: several ? instance : null
    });
  }

  private async _staged(
    instance: string,
    dids: readonly Did[]
  ): Promise<IStaged[]> {
    const staged: IStaged[] = [];
    for (let at = 0; at < dids.length; at += MOST_AT_ONCE) {
      const { summaries } = await this.client.summarize(
        instance,
        dids.slice(at, at + MOST_AT_ONCE)
      );
      staged.push(
        ...(await Promise.all(
          summaries.map(each => stagedOf(this.client, instance, each))
        ))
      );
    }
    return staged;
  }

  private readonly _templates: Templates;
}

function unstaged(did: Did): IStaged {
  return {
    did: didText(did),
    path: null,
    folder: false,
    names: [],
    complete: false
  };
}

function dragImage(name: string): HTMLElement {
  const node = document.createElement('div');
  node.className = 'jp-Rucio-dragImage';
  node.textContent = elidedText(elide(name, LONGEST));
  return node;
}
