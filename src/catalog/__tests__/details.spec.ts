import { PromiseDelegate } from '@lumino/coreutils';

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

it('an answer that was asked for before another one does not take its place', async () => {
  const { replicas, details } = setUp();
  const first = new PromiseDelegate<ReplicaTable>();
  replicas.mockReturnValueOnce(first.promise);
  details.show('replicas');
  details.renew();
  await settled();
  first.reject(new Error('no answer in time'));
  await settled();
  expect(details.replicas).toMatchObject({ value: { files_total: 1 } });
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
