import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

/** Something that comes back after the page was loaded again. */
export interface IRemembered<T> {
  /** Its name in JupyterLab's state. */
  key: string;
  changed: ISignal<unknown, unknown>;
  /** Take what was kept; null where nothing was. */
  restore: (value: T | null) => void;
  /** What to keep; null keeps what is there. */
  current: () => T | null;
}

/** Bring back what was kept, and keep it from then on whenever it changes. */
export async function remember<T>(
  state: IStateDB,
  what: IRemembered<T>
): Promise<void> {
  const { key, changed, restore, current } = what;
  const kept = (await state.fetch(key)) ?? null;
  restore(kept as T | null);
  let last = JSON.stringify(kept);
  changed.connect(() => {
    const value = current() as ReadonlyPartialJSONValue | null;
    const text = JSON.stringify(value);
    if (value !== null && text !== last) {
      last = text;
      void state.save(key, value);
    }
  });
}
