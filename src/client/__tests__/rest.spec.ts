import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';

import { Failure } from '../failure';
import { RestClient } from '../rest';
import { Transport } from '../transport';

/** A client whose requests end at `answer`, and the requests that were made. */
function clientOf(answer: (request: Request) => Response | Promise<Response>) {
  const requests: Request[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost:8888/user/alice/',
    fetch: async (info: RequestInfo | URL, init?: RequestInit) => {
      const request = new Request(info, init);
      requests.push(request);
      return answer(request);
    }
  });
  const transport = new Transport(nullTranslator.load(''), settings);
  return { client: new RestClient(transport), transport, requests };
}

function problemResponse(): Response {
  return Response.json(
    { type: 'sign-in-needed', detail: 'Sign in again.', do: 'signin' },
    { status: 403, headers: { 'Content-Type': 'application/problem+json' } }
  );
}

async function problemOf(asked: Promise<unknown>) {
  const reason = await asked.then(
    () => null,
    error => error
  );
  expect(reason).toBeInstanceOf(Failure);
  return (reason as Failure).problem;
}

it('asks below the server’s base address', async () => {
  const { client, requests } = clientOf(() => Response.json({ jobs: [] }));
  await client.jobs();
  expect(new URL(requests[0].url).pathname).toBe(
    '/user/alice/rucio-jupyterlab/v1/jobs'
  );
});

it('encodes names that have a meaning in addresses', async () => {
  const { client, requests } = clientOf(() => Response.json({ rules: [] }));
  await client.rules('my/rucio', { scope: 'a', name: 'b/c?d=e&f#g' });
  const url = new URL(requests[0].url);
  expect(url.pathname).toContain('instances/my%2Frucio/rules');
  expect(url.searchParams.get('name')).toBe('b/c?d=e&f#g');
});

it('leaves out a filter that is not set', async () => {
  const { client, requests } = clientOf(() => Response.json({ rows: [] }));
  await client.transfers('1', 0, 100, null);
  expect(new URL(requests[0].url).searchParams.has('state')).toBe(false);
});

it('rejects with the problem that the server tells', async () => {
  const { client } = clientOf(problemResponse);
  const problem = await problemOf(client.jobs());
  expect(problem).toMatchObject({ type: 'sign-in-needed', do: 'signin' });
});

it('tells a server that does not answer from one that refuses', async () => {
  const { client } = clientOf(() => {
    throw new TypeError('Failed to fetch');
  });
  expect((await problemOf(client.jobs())).type).toBe('offline');
});

it('tells a server without the extension', async () => {
  const { client } = clientOf(
    () => new Response('<html></html>', { status: 404 })
  );
  expect((await problemOf(client.jobs())).type).toBe('no-server-extension');
});

it.each([
  ['a page', { status: 200, headers: { 'Content-Type': 'text/html' } }],
  [
    'a problem that breaks off',
    { status: 502, headers: { 'Content-Type': 'application/problem+json' } }
  ]
])('says so where %s comes instead of an answer', async (_, init) => {
  const { client } = clientOf(() => new Response('<html>Log in</html>', init));
  expect(await problemOf(client.jobs())).toMatchObject({
    type: 'unexpected',
    detail: expect.stringContaining('you may have to log in'),
    status: init.status
  });
});

it.each([
  ['a page', new Response('<html></html>', { status: 503 }), 1],
  ['a problem', problemResponse(), 0]
])(
  'tells whether a server of ours has answered: %s',
  async (_, answer, told) => {
    const { client, transport } = clientOf(() => answer);
    const unanswered = jest.fn();
    transport.unanswered.connect(unanswered);
    await problemOf(client.jobs());
    expect(unanswered).toHaveBeenCalledTimes(told);
  }
);

it('gives a server up that never answers', async () => {
  jest.useFakeTimers();
  const { client } = clientOf(
    request =>
      new Promise((_, reject) => {
        request.signal.addEventListener('abort', reject);
      })
  );
  const problem = problemOf(client.jobs());
  await jest.advanceTimersByTimeAsync(120_000);
  expect((await problem).type).toBe('offline');
  jest.useRealTimers();
});
