import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { SignInAsk } from '../../client/client';
import { Failure } from '../../client/failure';
import type { InstanceInfo } from '../../client/generated';
import { standing } from '../header';
import { SignInForm } from '../signin';
import { instanceOf, loginOf } from './instance';

const trans = nullTranslator.load('');

const instance = instanceOf({
  account: {
    state: 'signed-out',
    account: null,
    login: null,
    expires_at: null,
    renewable: false
  },
  default_username: 'alice'
});

function show(
  answer: () => Promise<void> = () => Promise.resolve(),
  at: InstanceInfo = instance
) {
  const asked: SignInAsk[] = [];
  render(
    <SignInForm
      instance={at}
      trans={trans}
      onSignIn={how => {
        asked.push(how);
        return answer();
      }}
    />
  );
  return asked;
}

const fill = (label: RegExp, value: string) =>
  fireEvent.change(screen.getByLabelText(label), { target: { value } });
const submit = async () => {
  await act(async () => {
    fireEvent.submit(screen.getByRole('form'));
  });
};

it('sends what the chosen way needs, and no more', async () => {
  const asked = show();
  fill(/Password/, 'secret');
  fill(/Sign in with/, 'x509_proxy');
  fill(/Proxy/, '/data/alice/proxy.pem');
  await submit();
  expect(asked).toEqual([
    { auth_type: 'x509_proxy', certificate: '/data/alice/proxy.pem' }
  ]);
});

it('takes the user name that the instance knows', async () => {
  const asked = show();
  fill(/Password/, 'secret');
  await submit();
  expect(asked[0]).toEqual({
    auth_type: 'userpass',
    username: 'alice',
    password: 'secret'
  });
});

it('begins with what was typed the last time', async () => {
  const login = loginOf({
    auth_type: 'x509',
    certificate: '/data/alice/cert.pem',
    key: '/data/alice/key.pem'
  });
  const account = { ...instance.account, account: 'alice', login };
  const asked = show(
    undefined,
    instanceOf({ account: { ...account, state: 'lapsed' } })
  );
  await submit();
  expect(asked).toEqual([
    {
      auth_type: 'x509',
      account: 'alice',
      certificate: '/data/alice/cert.pem',
      key: '/data/alice/key.pem'
    }
  ]);
});

it('does not take what was typed for one way as that of another', async () => {
  const login = loginOf({ auth_type: 'x509', certificate: '/data/cert.pem' });
  const account = { ...instance.account, login };
  const asked = show(
    undefined,
    instanceOf({ account, default_username: 'alice' })
  );
  fill(/Sign in with/, 'x509_proxy');
  await submit();
  fill(/Sign in with/, 'userpass');
  fill(/Password/, 'secret');
  await submit();
  expect(asked).toEqual([
    { auth_type: 'x509_proxy' },
    { auth_type: 'userpass', username: 'alice', password: 'secret' }
  ]);
});

it('begins with a way that is still offered', () => {
  const login = loginOf({ auth_type: 'token', token_file: '/run/token' });
  const account = { ...instance.account, login };
  show(undefined, instanceOf({ account, auth_types: ['userpass', 'x509'] }));
  expect(screen.getByLabelText(/Sign in with/)).toHaveProperty(
    'value',
    'userpass'
  );
});

it('shows why it was refused, and keeps what was typed', async () => {
  show(() =>
    Promise.reject(
      new Failure({
        type: 'denied',
        detail: 'Rucio does not know this user name and password.',
        do: 'none',
        exception: 'CannotAuthenticate'
      })
    )
  );
  fill(/Password/, 'wrong');
  await submit();
  const alert = screen.getByRole('alert');
  expect(alert.textContent).toContain('does not know this user name');
  expect(alert.textContent).toContain('CannotAuthenticate');
  expect((screen.getByLabelText(/User name/) as HTMLInputElement).value).toBe(
    'alice'
  );
});

it('offers the accounts that Rucio told, once it had to ask', async () => {
  let refused = false;
  const asked = show(() => {
    if (refused) {
      return Promise.resolve();
    }
    refused = true;
    return Promise.reject(
      new Failure({
        type: 'bad-request',
        detail: 'Choose one of your accounts: alice, higgs.',
        do: 'choose',
        choices: ['alice', 'higgs']
      })
    );
  });
  fill(/Password/, 'secret');
  await submit();
  const account = screen.getByLabelText('Account');
  expect(document.activeElement).toBe(account);
  expect(screen.getAllByRole('option', { name: 'higgs' })).toHaveLength(1);
  fill(/Account/, 'higgs');
  await submit();
  expect(asked[1]).toEqual({
    auth_type: 'userpass',
    username: 'alice',
    password: 'secret',
    account: 'higgs'
  });
});

it.each([
  [
    { state: 'signed-in', account: 'alice', expires_at: 7000 },
    'alice · 1 h 40 left'
  ],
  [{ state: 'signed-in', account: 'alice', expires_at: null }, 'alice'],
  [{ state: 'lapsed', account: 'alice', expires_at: 0 }, 'alice · lapsed'],
  [{ state: 'signed-out', account: null, expires_at: null }, 'signed out']
] as const)('the header says who and for how long %#', (account, text) => {
  const status = { login: null, renewable: false, ...account };
  expect(standing(status, 1000, trans).join(' · ')).toBe(text);
});

it('a form that was opened has the focus, one that stands in the way does not take it', () => {
  const form = (onCancel?: () => void) => (
    <SignInForm
      instance={instance}
      trans={trans}
      onSignIn={() => Promise.resolve()}
      onCancel={onCancel}
    />
  );
  const { unmount } = render(form());
  expect(document.activeElement).toBe(document.body);
  unmount();
  render(form(() => undefined));
  expect(document.activeElement).toBe(screen.getByLabelText('Password'));
});
