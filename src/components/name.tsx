import * as React from 'react';

import { elidedText, elideTo } from './elide';

export interface INameProps {
  name: string;
  /** The room for it, in pixels. */
  width: number;
  /** Width of a text in the font that the name has here. */
  measure: (text: string) => number;
  /** Names nearby, from which this one must be told apart. */
  neighbours?: readonly string[];
  /** Over how many lines it may run. */
  lines?: 1 | 2;
}

/** A long name with its middle left out, so that it fills the room and no more. */
export function Name(props: INameProps): JSX.Element {
  const { name, width, measure, neighbours, lines = 1 } = props;
  // A line may break up to a character before its end.
  const room = lines === 1 ? width : 2 * width - 2 * measure('W');
  const shown = elidedText(elideTo(name, room, measure, neighbours));
  return (
    <span
      className={`jp-Rucio-name ${lines === 2 ? 'jp-mod-lines' : ''}`}
      title={name}
    >
      {shown}
    </span>
  );
}
