import { nullTranslator } from '@jupyterlab/translation';

import type { ICatalogClient } from '../../client/client';
import type { Did, DidSummary } from '../../client/generated';
import { Cells } from '../cells';

const trans = nullTranslator.load('');

it('as many DIDs as can be chosen are asked about, no more at once than the server takes', async () => {
  const sizes: number[] = [];
  const client = {
    summarize: async (_instance: string, dids: Did[]) => {
      sizes.push(dids.length);
      const summaries = dids.map(
        did =>
          ({
            did,
            type: 'file',
            files: 1,
            staged_files: 1,
            staged_path: `/data/${did.name}`
          }) as unknown as DidSummary
      );
      return { summaries };
    }
  } as unknown as ICatalogClient;
  const cells = new Cells(client, { known: null }, null, trans);
  const dids = Array.from({ length: 250 }, (_, number) => ({
    scope: 'user.alice',
    name: `${number}.root`
  }));
  expect((await cells.offers('atlas', dids))[0]).toBe('ROOT with uproot');
  expect(sizes).toEqual([100, 100, 50]);
});
