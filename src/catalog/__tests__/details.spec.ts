import type { ReplicaTable } from '../../client/generated';
import { Details } from '../details';
import { didOf, FakeCatalog, rowOf, settled } from './fakecatalog';

const tableOf = (files_total: number): ReplicaTable => ({
  did: didOf('a'),
  rses: [],
  files_total,
  files_without_replica: 0,
  files_in_archives: 0,
  pfns: []
});

function setUp() {
  const client = new FakeCatalog();
  const replicas = jest.fn(async () => tableOf(1));
  client.replicas = replicas;
  return { replicas, details: new Details(client, 'atlas', rowOf('a')) };
}

it('asks for replicas again only where they were asked for', async () => {
  const { replicas, details } = setUp();
  details.renewReplicas();
  expect(replicas).not.toHaveBeenCalled();

  details.show('replicas');
  await settled();
  replicas.mockResolvedValue(tableOf(2));
  details.renewReplicas();
  expect(details.replicas).toMatchObject({ state: 'ready' });
  await settled();
  expect(details.replicas).toMatchObject({ value: { files_total: 2 } });
});

it('keeps the replicas that are known while new ones cannot be had', async () => {
  const { replicas, details } = setUp();
  details.show('replicas');
  await settled();
  replicas.mockRejectedValue(new Error('away'));
  details.renewReplicas();
  await settled();
  expect(details.replicas).toMatchObject({ value: { files_total: 1 } });
});
