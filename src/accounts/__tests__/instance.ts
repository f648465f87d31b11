import type { InstanceInfo } from '../../client/generated';

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
      auth_type: 'userpass',
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
