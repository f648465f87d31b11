import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { warningIcon } from '../components/icons';
import { Notice } from '../components/notice';

interface IBoundaryProps {
  trans: TranslationBundle;
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
    const { trans, children } = this.props;
    if (this.state.broken === null) {
      return children;
    }
    return (
      <Notice
        icon={warningIcon}
        title={trans.__('This cannot be shown')}
        text={trans.__('Something in it is broken; the rest goes on.')}
        action={{
          label: trans.__('Try again'),
          run: () => this.setState({ broken: null })
        }}
        detail={this.state.broken}
      />
    );
  }
}
