import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

const FOCUSABLE =
  'button:enabled, input:enabled, select:enabled, textarea:enabled, [tabindex="0"]';

/** An element on the way from the focus to the root, and its place among its siblings. */
interface IStep {
  parent: Element;
  index: number;
}

/** A menu that opens anywhere on the page, and leaves the focus nowhere when it closes. */
export interface IContextMenu {
  readonly aboutToClose: ISignal<unknown, void>;
}

/**
 * Keeps the focus within an element when what had it is taken away, or a menu took it.
 *
 * A button that has done its work often goes, and with it the place of whoever works by keyboard: the
 * browser would begin at the top of the page again. Here the nearest thing that is left has the focus.
 */
export class FocusKeeper implements IDisposable {
  constructor(
    private readonly root: HTMLElement,
    private readonly menu?: IContextMenu
  ) {
    root.addEventListener('focusin', this._onFocus);
    document.addEventListener('contextmenu', this._onContextMenu, true);
    menu?.aboutToClose.connect(this._onMenuClosed, this);
    this._observer.observe(root, { childList: true, subtree: true });
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._observer.disconnect();
    this.root.removeEventListener('focusin', this._onFocus);
    document.removeEventListener('contextmenu', this._onContextMenu, true);
    this.menu?.aboutToClose.disconnect(this._onMenuClosed, this);
  }

  private _onFocus = (event: FocusEvent): void => {
    this._last = event.target as Element;
    this._way = [];
    for (
      let node = this._last;
      node !== this.root && node.parentElement;
      node = node.parentElement
    ) {
      const parent = node.parentElement;
      this._way.push({ parent, index: [...parent.children].indexOf(node) });
    }
  };

  private _onContextMenu = (): void => {
    this._opener = document.activeElement;
  };

  private _onMenuClosed(): void {
    if (
      this._opener instanceof HTMLElement &&
      this.root.contains(this._opener)
    ) {
      this._opener.focus({ preventScroll: true });
    }
    this._opener = null;
  }

  private _onMutation = (): void => {
    const lost =
      this._last &&
      !this._last.isConnected &&
      document.activeElement === document.body;
    if (lost) {
      this._last = null;
      this._nearest()?.focus({ preventScroll: true });
    }
  };

  private _nearest(): HTMLElement | null {
    for (const { parent, index } of this._way) {
      const place =
        parent.children[Math.min(index, parent.children.length - 1)];
      if (parent.isConnected && place) {
        const found = place.matches(FOCUSABLE)
          ? place
          : place.querySelector(FOCUSABLE);
        if (found) {
          return found as HTMLElement;
        }
      }
    }
    return null;
  }

  private readonly _observer = new MutationObserver(() => this._onMutation());
  private _last: Element | null = null;
  private _way: IStep[] = [];
  /** What had the focus when a menu was asked for. */
  private _opener: Element | null = null;
  private _isDisposed = false;
}
