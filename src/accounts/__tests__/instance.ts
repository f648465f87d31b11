import type { InstanceInfo, Login } from '../../client/generated';

/** An instance at which the user is signed in, with what a test wants changed. */
export function instanceOf(change: Partial<InstanceInfo> = {}): InstanceInfo {
  return {
    name: 'atlas',
    display_name: 'ATLAS',
    url: 'https://rucio.example.org',
    auth_types: ['userpass', 'token', 'x509', 'x509_proxy'],
    account: {
      state: 'signed-in',
      account: 'alice',
      login: loginOf({ username: 'alice' }),
      expires_at: null,
      renewable: false
    },
    source: 'jupyter',
    source_detail: '',
    mode: 'download',
    destination_rse: null,
    wildcards: true,
    default_account: null,
    default_username: null,
    webui_url: null,
    problem: null,
    ...change
  };
}

/** How the user signed in, with what a test wants changed. */
export function loginOf(change: Partial<Login> = {}): Login {
  return {
    auth_type: 'userpass',
    account: null,
    username: null,
    certificate: null,
    key: null,
    token_file: null,
    token_variable: null,
    named: [],
    ...change
  };
}
