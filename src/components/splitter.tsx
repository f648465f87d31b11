import * as React from 'react';

export interface ISplitterProps {
  /** Names the divider for a screen reader. */
  label: string;
  /** Tells what the mouse can do with it. */
  hint: string;
  top: React.ReactNode;
  /** Null: the top takes all, and there is no divider. */
  bottom: React.ReactNode | null;
  /** Share of the height that the bottom takes, from 0 to 1. */
  share: number;
  /** Whether the bottom is folded away, so that only the divider is left of it. */
  collapsed: boolean;
  onResize: (share: number) => void;
  onCollapse: (collapsed: boolean) => void;
}

const STEP = 0.05;
const [LEAST, MOST] = [0.15, 0.8];

/** Two parts, one above the other, with a divider that mouse and keys move; it also folds the lower part. */
export function Splitter(props: ISplitterProps): JSX.Element {
  const { label, hint, top, bottom, share, collapsed } = props;
  const whole = React.useRef<HTMLDivElement>(null);
  const resize = (value: number) => {
    if (collapsed) {
      props.onCollapse(false);
    }
    props.onResize(Math.min(MOST, Math.max(LEAST, value)));
  };
  const fold = () => props.onCollapse(!collapsed);
  const onPointerMove = (event: React.PointerEvent<HTMLDivElement>) => {
    const box = whole.current?.getBoundingClientRect();
    if (box && event.currentTarget.hasPointerCapture(event.pointerId)) {
      resize((box.bottom - event.clientY) / box.height);
    }
  };
  const keys: Record<string, () => void> = {
    ArrowUp: () => resize(collapsed ? share : share + STEP),
    ArrowDown: () => !collapsed && resize(share - STEP),
    Home: () => resize(MOST),
    End: () => resize(LEAST),
    Enter: fold
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
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
            title={hint}
            aria-label={label}
            aria-orientation="horizontal"
            aria-valuemin={0}
            aria-valuemax={MOST * 100}
            aria-valuenow={collapsed ? 0 : Math.round(share * 100)}
            onPointerDown={event =>
              event.currentTarget.setPointerCapture(event.pointerId)
            }
            onPointerMove={onPointerMove}
            onDoubleClick={fold}
            onKeyDown={onKeyDown}
          />
          {!collapsed && (
            <div
              className="jp-Rucio-split-bottom"
              style={{ flexBasis: `${share * 100}%` }}
            >
              {bottom}
            </div>
          )}
        </>
      )}
    </div>
  );
}
