import { expect, test } from '@jupyterlab/galata';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { openPanel, SCOPE, unstage } from '../panel';

const CONTAINER = 'deriv.DAOD_TOYZMUMU.e8514_s4369_r16083_r15970_p6697';

const PEAK = `
import numpy as np
columns = ["Muon_pt", "Muon_eta", "Muon_phi"]
muons = uproot.concatenate(dict.fromkeys(files, "Events"), columns, library="np")
pt, eta, phi = (muons[name].astype("f8").T for name in columns)
mass = np.sqrt(2 * pt[0] * pt[1] * (np.cosh(eta[0] - eta[1]) - np.cos(phi[0] - phi[1])))
counts, edges = np.histogram(mass, bins=60, range=(60, 120))
print(len(files), "files, peak at", int(edges[counts.argmax()]), "GeV")`;

test('from a search to the Z peak', async ({ page }) => {
  await unstage(page.request, '*Zmumu*');
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*Zmumu*');
  const row = panel.row(CONTAINER);
  await expect(row).toContainText('60 files');

  await test.step('stage it, and see it come', async () => {
    await row.click();
    await expect(panel.root).toContainText('free');
    await panel.button('Stage').click();
    await panel.tab(/Jobs/).click();
    const job = panel.job(CONTAINER);
    await expect(job.getByRole('progressbar')).toBeVisible();
    await expect(job).toContainText('60 files, verified', { timeout: 60_000 });
  });

  await test.step('the files of the job have paths', async () => {
    await panel.button(/^Files of/).click();
    const file = panel.root.getByRole('listitem').first();
    await expect(panel.button(/^Copy the path .*\.root/).first()).toBeVisible();
    await expect(file).toBeVisible();
  });

  await test.step('the datasets within it are here too', async () => {
    await panel.tab('Explore').click();
    await expect(row).toContainText('staged');
    await panel.root.getByRole('tree').press('ArrowRight');
    const within = panel.row('tid44561298');
    await expect(within).toHaveAttribute('aria-level', '2');
    await expect(within).toContainText('staged');
    await panel.root.getByRole('tree').press('ArrowLeft');
  });

  await test.step('put it into a notebook', async () => {
    await page.notebook.createNew();
    await panel.button(/^Insert/).click();
    await expect(
      page.getByRole('menuitem', { name: '.root as this site reads it' })
    ).toBeVisible();
    await page.getByRole('menuitem', { name: 'ROOT with uproot' }).click();
    await expect
      .poll(() => page.notebook.getCellTextInput(1), { timeout: 20_000 })
      .toContain('import uproot');
  });

  await test.step('the peak is where the Z is', async () => {
    const source = await page.notebook.getCellTextInput(1);
    await page.evaluate(text => {
      // Not typed: the editor would add brackets of its own.
      const widget = window.jupyterapp.shell.currentWidget as NotebookPanel;
      widget.content.activeCell?.model.sharedModel.setSource(text);
    }, `${source}\n${PEAK}`);
    await page.notebook.runCell(1);
    const output = page.locator('.jp-OutputArea-output').last();
    await expect(output).toContainText('60 files, peak at 91 GeV');
  });
});

test('a job survives a reload of the page', async ({ page }) => {
  await unstage(page.request, '*RAW_ONE_GIBIBYTE*');
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*RAW_ONE_GIBIBYTE*');
  await panel.row('RAW_ONE_GIBIBYTE').click();
  await panel.button('Stage').click();
  await panel.tab(/Jobs/).click();
  await panel.button('Pause').click();
  await expect(panel.job('RAW_ONE_GIBIBYTE')).toContainText('Paused');

  await page.reload();
  const again = await openPanel(page);
  await again.tab(/Jobs/).click();
  const job = again.job('RAW_ONE_GIBIBYTE');
  await expect(job).toContainText('Paused');
  await again.button('Resume').click();
  await expect(job).toContainText('1 file, verified', { timeout: 60_000 });
});

test('what cannot be staged says why', async ({ page }) => {
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*');
  await expect(panel.row('AOD_ON_TAPE_ONLY')).toContainText('on tape', {
    timeout: 30_000
  });
  await expect(panel.row('BY_XROOTD_ONLY')).toContainText('xrootd only');
  await panel.row('STILL_GROWING').click();
  await expect(panel.root).toContainText('Still growing');
});

test('rows dropped on a notebook become a cell', async ({ page }) => {
  await page.notebook.createNew();
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*');
  const row = panel.row('NTUPLE_WITHOUT_CHECKSUM');
  const other = panel.row('CorruptReplica');
  await expect(row).toContainText('Stage', { timeout: 30_000 });
  await other.click();
  await row.click({ modifiers: ['ControlOrMeta'] });
  const from = await row.boundingBox();
  const to = await page.locator('.jp-Notebook .jp-Cell').first().boundingBox();
  if (!from || !to) {
    throw new Error('The row and the notebook must be seen.');
  }
  await page.mouse.move(from.x + 60, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(to.x + 80, to.y + 10, { steps: 12 });
  await page.mouse.up();
  await expect.poll(() => page.notebook.getCellCount()).toBe(2);
  const source =
    (await page.notebook.getCellTextInput(0)) +
    (await page.notebook.getCellTextInput(1));
  expect(source).toContain('%rucio stage demo26_13p6TeV:');
  expect(source).toContain('NTUPLE_WITHOUT_CHECKSUM');
  expect(source).toContain('CorruptReplica');
});

test('a corrupt replica is left for a good one', async ({ page }) => {
  await unstage(page.request, '*CorruptReplica*');
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*CorruptReplica*');
  await panel.row('CorruptReplica').click();
  await panel.button('Stage').click();
  await panel.tab(/Jobs/).click();
  await expect(panel.job('CorruptReplica')).toContainText('verified', {
    timeout: 60_000
  });
});
