import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { SignInAsk } from '../client/client';
import type { InstanceInfo } from '../client/generated';
import { Field, Form, Select } from '../components/form';

export type AuthType = SignInAsk['auth_type'];

export interface ISignInProps {
  instance: InstanceInfo;
  trans: TranslationBundle;
  onSignIn: (how: SignInAsk) => Promise<void>;
  /** Absent while the user is signed out and there is nothing to go back to. */
  onCancel?: () => void;
}

type Values = Partial<Record<keyof SignInAsk, string | null>>;

/** The ways of signing in that an instance offers, with the fields of the chosen one; it begins with the last time. */
export function SignInForm(props: ISignInProps): JSX.Element {
  const { instance, trans, onSignIn, onCancel } = props;
  const accountField = React.useRef<HTMLInputElement & HTMLSelectElement>(null);
  const [accounts, setAccounts] = React.useState<readonly string[]>([]);
  const [way, setWay] = React.useState<AuthType>(firstWay(instance));
  const [values, setValues] = React.useState<Values>(valuesOf(instance, way));
  React.useEffect(() => accountField.current?.focus(), [accounts]);
  const given = (names: readonly (keyof SignInAsk)[]): Partial<SignInAsk> =>
    Object.fromEntries(
      names.filter(name => values[name]).map(name => [name, values[name]])
    );
  const field = (name: keyof SignInAsk) => ({
    name,
    value: values[name] ?? '',
    onChange: (
      event: React.ChangeEvent<HTMLInputElement | HTMLSelectElement>
    ) => setValues({ ...values, [name]: event.target.value })
  });
  return (
    <Form
      title={trans.__('Sign in to %1', instance.display_name)}
      submit={trans.__('Sign in')}
      trans={trans}
      onSubmit={() =>
        onSignIn({ auth_type: way, ...given([...FIELDS[way], 'account']) })
      }
      onRefused={({ do: remedy, choices = [] }) => {
        if (remedy === 'choose' && choices.length > 0) {
          setAccounts(choices);
          setValues({ ...values, account: choices[0] });
        }
      }}
      onCancel={onCancel}
    >
      {instance.auth_types.length > 1 && (
        <Select
          label={trans.__('Sign in with')}
          value={way}
          options={instance.auth_types.map(type => [
            type,
            wayName(type, trans)
          ])}
          onChange={event => {
            const chosen = event.target.value as AuthType;
            setWay(chosen);
            setValues({
              ...valuesOf(instance, chosen),
              account: values.account
            });
          }}
        />
      )}
      {way === 'userpass' && (
        <>
          <Field
            label={trans.__('User name')}
            autoComplete="username"
            required
            {...field('username')}
          />
          <Field
            label={trans.__('Password')}
            type="password"
            autoComplete="current-password"
            required
            {...field('password')}
          />
        </>
      )}
      {way === 'token' && (
        <>
          <Field
            label={trans.__('Token file')}
            hint={trans.__(
              'A path on the server. It is read anew at each use.'
            )}
            {...field('token_file')}
          />
          <Field
            label={trans.__('Or environment variable')}
            {...field('token_variable')}
          />
        </>
      )}
      {way === 'x509' && (
        <>
          <Field
            label={trans.__('Certificate')}
            hint={trans.__('The path of a PEM file on the server.')}
            {...field('certificate')}
          />
          <Field label={trans.__('Key')} {...field('key')} />
        </>
      )}
      {way === 'x509_proxy' && (
        <Field
          label={trans.__('Proxy')}
          hint={trans.__(
            'A path on the server. Leave it empty to use the usual place.'
          )}
          {...field('certificate')}
        />
      )}
      {accounts.length > 0 ? (
        <Select
          ref={accountField}
          label={trans.__('Account')}
          options={accounts.map(account => [account, account])}
          {...field('account')}
        />
      ) : (
        <Field
          label={trans.__('Account')}
          hint={trans.__(
            'Leave it empty to use your default, or to choose from your accounts.'
          )}
          {...field('account')}
        />
      )}
    </Form>
  );
}

const FIELDS: Record<AuthType, readonly (keyof SignInAsk)[]> = {
  userpass: ['username', 'password'],
  token: ['token_file', 'token_variable'],
  x509: ['certificate', 'key'],
  x509_proxy: ['certificate']
};

/** That of the last time where it is still offered, else the preferred one. */
function firstWay({ account, auth_types }: InstanceInfo): AuthType {
  const last = account.login?.auth_type;
  return auth_types.find(way => way === last) ?? auth_types[0] ?? 'userpass';
}

/** What is known before anybody types: what was typed the last time, in that way. */
function valuesOf(instance: InstanceInfo, way: AuthType): Values {
  const { account, login } = instance.account;
  const last = login?.auth_type === way ? login : null;
  return {
    account: account ?? instance.default_account,
    username: last?.username ?? instance.default_username,
    certificate: last?.certificate,
    key: last?.key,
    token_file: last?.token_file,
    token_variable: last?.token_variable
  };
}

/** A way of signing in, in words. */
export function wayName(way: AuthType, trans: TranslationBundle): string {
  switch (way) {
    case 'userpass':
      return trans.__('User name and password');
    case 'token':
      return trans.__('Token');
    case 'x509':
      return trans.__('Certificate (X.509)');
    case 'x509_proxy':
      return trans.__('Proxy certificate');
  }
}
