import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** Draw the component again whenever a signal is emitted. */
export function useChanges(changed: ISignal<unknown, unknown>): void {
  const [, draw] = React.useReducer((drawn: number) => drawn + 1, 0);
  React.useEffect(() => {
    const slot = () => draw();
    changed.connect(slot);
    return () => void changed.disconnect(slot);
  }, [changed]);
}
