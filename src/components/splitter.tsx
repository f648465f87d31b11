import * as React from 'react';

export interface ISplitterProps {
  /** Names the divider for a screen reader. */
  label: string;
  top: React.ReactNode;
  /** Null: the top takes all. */
  bottom: React.ReactNode | null;
  /** Share of the height that the bottom takes, from 0 to 1. */
  share: number;
  onResize: (share: number) => void;
}

const STEP = 0.05;
const [LEAST, MOST] = [0.15, 0.8];

/** Two parts, one above the other, with a divider that mouse and arrow keys move. */
export function Splitter(props: ISplitterProps): JSX.Element {
  const { label, top, bottom, share, onResize } = props;
  const whole = React.useRef<HTMLDivElement>(null);
  const resize = (value: number) =>
    onResize(Math.min(MOST, Math.max(LEAST, value)));
  const onPointerMove = (event: React.PointerEvent<HTMLDivElement>) => {
    const box = whole.current?.getBoundingClientRect();
    if (box && event.currentTarget.hasPointerCapture(event.pointerId)) {
      resize((box.bottom - event.clientY) / box.height);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      resize(share + step);
    }
  };
  return (
    <div className="jp-Rucio-split" ref={whole}>
      <div className="jp-Rucio-split-top">{top}</div>
      {bottom !== null && (
        <>
          <div
            className="jp-Rucio-split-handle"
            role="separator"
            tabIndex={0}
            aria-label={label}
            aria-orientation="horizontal"
            aria-valuemin={LEAST * 100}
            aria-valuemax={MOST * 100}
            aria-valuenow={Math.round(share * 100)}
            onPointerDown={event =>
              event.currentTarget.setPointerCapture(event.pointerId)
            }
            onPointerMove={onPointerMove}
            onKeyDown={onKeyDown}
          />
          <div
            className="jp-Rucio-split-bottom"
            style={{ flexBasis: `${share * 100}%` }}
          >
            {bottom}
          </div>
        </>
      )}
    </div>
  );
}
