import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { warningIcon } from './icons';
import { Notice, Strip } from './notice';

export interface IBoundaryProps {
  trans: TranslationBundle;
  /** Whether there is room for a few lines alone. */
  small?: boolean;
  /** Called before it is drawn again, where there is something to ask for anew. */
  onRetry?: () => void;
  children: React.ReactNode;
}

interface IBoundaryState {
  /** What was thrown, in words; null while all is well. */
  broken: string | null;
}

/** Shows what it holds, or says that it cannot: React would else take the whole panel away. */
export class Boundary extends React.Component<IBoundaryProps, IBoundaryState> {
  static getDerivedStateFromError(reason: unknown): IBoundaryState {
    return { broken: String(reason) };
  }

  override state: IBoundaryState = { broken: null };

  override render(): React.ReactNode {
    const { trans, small, onRetry, children } = this.props;
    const { broken } = this.state;
    if (broken === null) {
      return children;
    }
    const title = trans.__('This cannot be shown');
    const action = {
      label: trans.__('Try again'),
      run: () => {
        onRetry?.();
        this.setState({ broken: null });
      }
    };
    return small ? (
      <Strip
        tone="error"
        icon={warningIcon}
        text={`${title}. ${broken}`}
        action={action}
      />
    ) : (
      <Notice
        icon={warningIcon}
        title={title}
        text={trans.__('This is a fault of the panel; the rest goes on.')}
        action={action}
        detail={broken}
      />
    );
  }
}
