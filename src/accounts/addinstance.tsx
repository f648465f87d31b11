import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { AddInstanceAsk } from '../client/client';
import { Field, Form } from '../components/form';

export interface IAddInstanceProps {
  trans: TranslationBundle;
  onAdd: (instance: AddInstanceAsk) => Promise<void>;
  onCancel: () => void;
}

const EXAMPLE = 'https://rucio.example.org';

/** Asks for the address of a Rucio, and for what some of them need besides. */
export function AddInstanceForm(props: IAddInstanceProps): JSX.Element {
  const { trans, onAdd, onCancel } = props;
  const [asked, setAsked] = React.useState<AddInstanceAsk>({ url: '' });
  const field = (name: keyof AddInstanceAsk) => ({
    name,
    value: asked[name] ?? '',
    onChange: (event: React.ChangeEvent<HTMLInputElement>) =>
      setAsked({ ...asked, [name]: event.target.value })
  });
  const given = (): AddInstanceAsk => ({
    ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value)),
    url: asked.url.trim()
  });
  return (
    <Form
      title={trans.__('Add an instance')}
      submit={trans.__('Add')}
      trans={trans}
      onSubmit={() => onAdd(given())}
      onCancel={onCancel}
    >
      <Field
        label={trans.__('Address')}
        placeholder={EXAMPLE}
        type="url"
        required
        autoFocus
        {...field('url')}
      />
      <Field
        label={trans.__('Name')}
        hint={trans.__('Leave it empty to use the name of the host.')}
        {...field('name')}
      />
      <details>
        <summary>{trans.__('Rarely needed')}</summary>
        <Field
          label={trans.__('Authentication address')}
          hint={trans.__('Only where it differs from the address above.')}
          type="url"
          {...field('auth_url')}
        />
        <Field
          label={trans.__('Certificate authorities')}
          hint={trans.__(
            'A path on the server. Leave it empty to use those of the system.'
          )}
          {...field('ca_cert')}
        />
        <Field label={trans.__('Virtual organisation')} {...field('vo')} />
      </details>
    </Form>
  );
}
