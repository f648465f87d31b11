import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { parseDids } from '../client/did';
import type { Did } from '../client/generated';
import { Form } from '../components/form';

export interface IPasteFormProps {
  trans: TranslationBundle;
  onShow: (dids: readonly Did[]) => void;
  onCancel: () => void;
}

/** Takes a list of DIDs, one a line. */
export function PasteForm(props: IPasteFormProps): JSX.Element {
  const { trans, onShow, onCancel } = props;
  const id = React.useId();
  const [text, setText] = React.useState('');
  const { dids, others } = parseDids(text);
  return (
    <Form
      title={trans.__('Paste a list of DIDs')}
      submit={
        dids.length
          ? trans._n('Show %1 DID', 'Show %1 DIDs', dids.length)
          : trans.__('Show')
      }
      trans={trans}
      onSubmit={async () => onShow(dids)}
      onCancel={onCancel}
    >
      <div className="jp-Rucio-field">
        <label htmlFor={id}>{trans.__('One a line, as scope:name')}</label>
        <textarea
          id={id}
          className="jp-mod-styled"
          rows={8}
          spellCheck={false}
          autoFocus
          value={text}
          onChange={event => setText(event.target.value)}
        />
      </div>
      {others.length > 0 && (
        <p className="jp-Rucio-small" role="status">
          {trans._n(
            '%1 line is no DID and is left out: %2',
            '%1 lines are no DIDs and are left out: %2',
            others.length,
            others.slice(0, 3).join(', ')
          )}
        </p>
      )}
    </Form>
  );
}
