import * as React from 'react';

/** A long name or path that may run over several lines, and breaks where its parts end. */
export function Breakable({ text }: { text: string }): JSX.Element {
  const parts = text.split(/(?<=[._:/-])/);
  return (
    <>
      {parts.map((part, index) => (
        <React.Fragment key={index}>
          {index > 0 && <wbr />}
          {part}
        </React.Fragment>
      ))}
    </>
  );
}

/** Stays on the line of the fact before it. */
const DOT = '\u00a0·';

/** Facts in a line, told apart by dots; a line breaks between two of them, never within one. */
export function Facts({ facts }: { facts: readonly string[] }): JSX.Element {
  return (
    <span className="jp-Rucio-facts">
      {facts.map((fact, index) => (
        <React.Fragment key={index}>
          {index > 0 && `${DOT} `}
          <span>{fact}</span>
        </React.Fragment>
      ))}
    </span>
  );
}

/** A state as Rucio names it, to be read in a line: `temporary unavailable` for `TEMPORARY_UNAVAILABLE`. */
export function rucioWord(state: string): string {
  return state.toLowerCase().replace(/_/g, ' ');
}

/** What is told to a person; a command in it stands between backticks. */
export function Sentence({ text }: { text: string }): JSX.Element {
  return (
    <>
      {text
        .split('`')
        .map((part, index) =>
          index % 2 ? <code key={index}>{part}</code> : part
        )}
    </>
  );
}
