"""GauGAN and CAP-VSTNet in plain PyTorch: the shapes of the published networks, for timing alone.

Weights are whatever PyTorch begins with and results are not looked at. Sources: Park et al. 2019, arXiv:1903.07291;
Wen, Gao, Zou 2023, arXiv:2303.17867.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm


def count(module):
    return sum(p.numel() for p in module.parameters())


# GauGAN


class Spade(nn.Module):
    def __init__(self, channels, classes, hidden):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Conv2d(classes, hidden, 3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x, semantics):
        hidden = F.relu(self.shared(F.interpolate(semantics, size=x.shape[2:], mode="nearest")))
        return self.norm(x) * (1 + self.gamma(hidden)) + self.beta(hidden)


class SpadeBlock(nn.Module):
    def __init__(self, inputs, outputs, classes, hidden):
        super().__init__()
        middle = min(inputs, outputs)
        self.learned = inputs != outputs
        self.conv_0 = spectral_norm(nn.Conv2d(inputs, middle, 3, padding=1))
        self.conv_1 = spectral_norm(nn.Conv2d(middle, outputs, 3, padding=1))
        self.norm_0, self.norm_1 = Spade(inputs, classes, hidden), Spade(middle, classes, hidden)
        if self.learned:
            self.conv_s = spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False))
            self.norm_s = Spade(inputs, classes, hidden)

    def forward(self, x, semantics):
        skip = self.conv_s(self.norm_s(x, semantics)) if self.learned else x
        d = self.conv_0(F.leaky_relu(self.norm_0(x, semantics), 0.2))
        return skip + self.conv_1(F.leaky_relu(self.norm_1(d, semantics), 0.2))


class Generator(nn.Module):
    """Seven blocks, five doublings."""

    def __init__(self, classes, ngf, hidden, size):
        super().__init__()
        self.grid = size // 32
        self.fc = nn.Conv2d(classes, 16 * ngf, 3, padding=1)
        widths = [(16, 16), (16, 16), (16, 16), (16, 8), (8, 4), (4, 2), (2, 1)]
        self.blocks = nn.ModuleList(SpadeBlock(a * ngf, b * ngf, classes, hidden) for a, b in widths)
        self.doubled = [False, True, False, True, True, True, True]
        self.conv_img = nn.Conv2d(ngf, 3, 3, padding=1)

    def forward(self, semantics):
        x = self.fc(F.interpolate(semantics, size=(self.grid, self.grid), mode="nearest"))
        for block, doubled in zip(self.blocks, self.doubled):
            x = block(F.interpolate(x, scale_factor=2, mode="nearest") if doubled else x, semantics)
        return torch.tanh(self.conv_img(F.leaky_relu(x, 0.2)))


class Discriminator(nn.Module):
    """Two patch networks, the second on the picture at half its size."""

    def __init__(self, channels, ndf):
        super().__init__()
        self.scales = nn.ModuleList(self.one(channels, ndf) for _ in range(2))

    @staticmethod
    def one(channels, ndf):
        layers = [nn.Sequential(nn.Conv2d(channels, ndf, 4, 2, 2), nn.LeakyReLU(0.2))]
        width = ndf
        for stride in (2, 2, 1):
            wider = min(2 * width, 512)
            conv = spectral_norm(nn.Conv2d(width, wider, 4, stride, 2, bias=False))
            layers.append(nn.Sequential(conv, nn.InstanceNorm2d(wider), nn.LeakyReLU(0.2)))
            width = wider
        return nn.ModuleList(layers + [nn.Conv2d(width, 1, 4, 1, 2)])

    def forward(self, x):
        found = []
        for scale in self.scales:
            features, h = [], x
            for layer in scale:
                h = layer(h)
                features.append(h)
            found.append(features)
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return found


class Vgg19(nn.Module):
    """Up to relu5_1, as torchvision has it; the features of the first layer of each scale."""

    def __init__(self):
        super().__init__()
        self.scales = nn.ModuleList()
        inputs = 3
        for outputs, layers in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 1)):
            self.scales.append(nn.ModuleList(nn.Conv2d(inputs if i == 0 else outputs, outputs, 3, padding=1) for i in range(layers)))
            inputs = outputs
        self.requires_grad_(False)

    def forward(self, x):
        found = []
        for i, scale in enumerate(self.scales):
            if i > 0:
                x = F.max_pool2d(x, 2)
            for k, conv in enumerate(scale):
                x = F.relu(conv(x))
                if k == 0:
                    found.append(x)
        return found


def one_hot(labels, edges, classes):
    """[N, 1, H, W] of labels, and of edges where the network reads them."""
    n, _, h, w = labels.shape
    zeros = torch.zeros(n, classes, h, w, device=labels.device)
    semantics = zeros.scatter_(1, labels, 1.0)
    return semantics if edges is None else torch.cat([semantics, edges], 1)


class GauganTraining:
    """A step: the generator's half, then the discriminator's, each painting anew."""

    VGG_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)

    def __init__(self, case, device, half):
        size, batch = case["size"], case["batch"]
        self.classes, self.device, self.half = case["classes"], device, half
        channels = self.classes + (1 if case["edges"] else 0)
        self.G = Generator(channels, case["ngf"], case["hidden"], size).to(device)
        self.D = Discriminator(channels + 3, case["ndf"]).to(device)
        self.vgg = Vgg19().to(device)
        self.of_G = torch.optim.Adam(self.G.parameters(), lr=1e-4, betas=(0.0, 0.9))
        self.of_D = torch.optim.Adam(self.D.parameters(), lr=4e-4, betas=(0.0, 0.9))
        self.scaler = torch.cuda.amp.GradScaler(enabled=half)
        self.labels = torch.randint(self.classes, (batch, 1, size, size))
        self.edges = (torch.rand(batch, 1, size, size) > 0.9).float() if case["edges"] else None
        self.image = torch.rand(batch, 3, size, size) * 2 - 1

    def parameters(self):
        return {"generator": count(self.G), "discriminator": count(self.D), "vgg": count(self.vgg)}

    def judge(self, semantics, fake, image):
        both = torch.cat([torch.cat([semantics, fake], 1), torch.cat([semantics, image], 1)], 0)
        found, n = self.D(both), fake.shape[0]
        return [[f[:n] for f in scale] for scale in found], [[f[n:] for f in scale] for scale in found]

    def generator_loss(self, semantics, image):
        fake = self.G(semantics)
        of_fake, of_real = self.judge(semantics, fake, image)
        loss = -sum(scale[-1].mean() for scale in of_fake) / len(of_fake)
        for a, b in zip(of_fake, of_real):
            loss = loss + sum(F.l1_loss(x, y.detach()) for x, y in zip(a[:-1], b[:-1])) * 10 / len(of_fake)
        features = zip(self.VGG_WEIGHTS, self.vgg(fake), self.vgg(image))
        return loss + 10 * sum(weight * F.l1_loss(x, y.detach()) for weight, x, y in features)

    def discriminator_loss(self, semantics, image):
        with torch.no_grad():
            fake = self.G(semantics)
        of_fake, of_real = self.judge(semantics, fake.detach(), image)
        fakes = sum(F.relu(1 + scale[-1]).mean() for scale in of_fake)
        reals = sum(F.relu(1 - scale[-1]).mean() for scale in of_real)
        return (fakes + reals) / len(of_fake)

    def __call__(self):
        labels, image = self.labels.to(self.device), self.image.to(self.device)
        edges = None if self.edges is None else self.edges.to(self.device)
        losses = []
        for optimiser, loss_of in ((self.of_G, self.generator_loss), (self.of_D, self.discriminator_loss)):
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(self.device, enabled=self.half):
                loss = loss_of(one_hot(labels, edges, self.classes), image)
            self.scaler.scale(loss).backward()
            self.scaler.step(optimiser)
            losses.append(loss.detach())
        self.scaler.update()
        return [float(loss) for loss in losses]


class GauganPainting:
    def __init__(self, case, device, half):
        size = case["size"]
        self.classes, self.device, self.half = case["classes"], device, half
        channels = self.classes + (1 if case["edges"] else 0)
        self.G = Generator(channels, case["ngf"], case["hidden"], size).to(device).eval()
        self.labels = torch.randint(self.classes, (1, 1, size, size))
        self.edges = torch.zeros(1, 1, size, size) if case["edges"] else None

    def parameters(self):
        return {"generator": count(self.G)}

    @torch.no_grad()
    def __call__(self):
        edges = None if self.edges is None else self.edges.to(self.device)
        with torch.autocast(self.device, enabled=self.half):
            return self.G(one_hot(self.labels.to(self.device), edges, self.classes)).float().cpu()


# CAP-VSTNet


def squeeze(x):
    """Each 2×2 of pixels becomes channels, the place in it varying slowest."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 2, 2, w // 2, 2)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def unsqueeze(x):
    n, c, h, w = x.shape
    x = x.reshape(n, 2, 2, c // 4, h, w)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)


class Residual(nn.Module):
    """Of one half to the other: (x1, x2) → (x2, x1 + F(x2)), halves squeezed where the stride is 2."""

    def __init__(self, channels, stride):
        super().__init__()
        inputs, middle = channels if stride == 1 else channels // 4, channels // 4
        self.stride = stride
        layers = []
        for a, b, s in ((inputs, middle, stride), (middle, middle, 1), (middle, channels, 1)):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(a, b, 3, s), nn.ReLU(inplace=True)]
        self.conv = nn.Sequential(*layers[:-1])

    def forward(self, x1, x2):
        if self.stride == 1:
            return x2, x1 + self.conv(x2)
        return squeeze(x2), squeeze(x1) + self.conv(x2)

    def inverse(self, o0, o1):
        if self.stride == 1:
            return o1 - self.conv(o0), o0
        x2 = unsqueeze(o0)
        return unsqueeze(o1 - self.conv(x2)), x2


class CapVstnet(nn.Module):
    def __init__(self, blocks=(10, 10, 10), channels=(16, 64, 256), hidden=16, steps=2):
        super().__init__()
        self.first, self.last, self.steps = channels[0], channels[-1], steps
        self.stack = nn.ModuleList()
        for stage, (number, width) in enumerate(zip(blocks, channels)):
            self.stack.extend(Residual(width, 2 if stage > 0 and i == 0 else 1) for i in range(number))
        self.wide = hidden * 4**steps
        self.refinement = nn.ModuleList(Residual(self.wide, 1) for _ in range(2))

    def pad(self, x, channels):
        return F.pad(x, (0, 0, 0, 0, 0, channels - x.shape[1]))

    def encode(self, x):
        halves = self.pad(x, 2 * self.first).chunk(2, 1)
        for block in self.stack:
            halves = block(*halves)
        if self.wide > self.last:
            halves = [self.pad(half, self.wide) for half in halves]
        for block in self.refinement:
            halves = block(*halves)
        z = torch.cat(halves, 1)
        for _ in range(self.steps):
            z = unsqueeze(z)
        return z

    def decode(self, z):
        for _ in range(self.steps):
            z = squeeze(z)
        halves = z.chunk(2, 1)
        for block in reversed(self.refinement):
            halves = block.inverse(*halves)
        halves = [half[:, : self.last] for half in halves]
        for block in reversed(self.stack):
            halves = block.inverse(*halves)
        return torch.cat(halves, 1)[:, :3]


def whitened(x):
    """Factor of the covariance, centred values and mean of [B, C, H, W], in double precision as the original has it."""
    columns = x.flatten(2).double()
    mean = columns.mean(2, keepdim=True)
    centred = columns - mean
    covariance = centred @ centred.transpose(1, 2) / (columns.shape[2] - 1)
    # untrained latents may be flat in some channels
    covariance = covariance + 1e-4 * torch.eye(covariance.shape[1], dtype=covariance.dtype, device=covariance.device)
    return torch.linalg.cholesky(covariance), centred, mean


def cwct(content, style):
    with torch.autocast(content.device.type, enabled=False):
        of_content, centred, _ = whitened(content)
        of_style, _, mean = whitened(style)
        colouring = of_style @ torch.linalg.inv(of_content)
        return (colouring @ centred + mean).reshape(content.shape).to(content.dtype)


class NormalisedVgg(nn.Module):
    """AdaIN's encoder up to relu4_1, with reflected borders; the features of the first layer of each scale."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.scales = nn.ModuleList()
        inputs = 3
        for outputs, layers in ((64, 2), (128, 2), (256, 4), (512, 1)):
            self.scales.append(nn.ModuleList(nn.Conv2d(inputs if i == 0 else outputs, outputs, 3) for i in range(layers)))
            inputs = outputs
        self.requires_grad_(False)

    def forward(self, x):
        found, x = [], self.first(x)
        for i, scale in enumerate(self.scales):
            if i > 0:
                x = F.max_pool2d(x, 2, ceil_mode=True)
            for k, conv in enumerate(scale):
                x = F.relu(conv(F.pad(x, (1, 1, 1, 1), mode="reflect")))
                if k == 0:
                    found.append(x)
        return found


def statistics(x):
    columns = x.float().flatten(2)
    return columns.mean(2), (columns.var(2) + 1e-5).sqrt()


def laplacian(size):
    """A sparse matrix with the pattern of the matting Laplacian: 25 values a row."""
    pixel = torch.arange(size * size).reshape(size, size)
    rows, columns = [], []
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            own = pixel[max(0, -dy) : size - max(0, dy), max(0, -dx) : size - max(0, dx)]
            rows.append(own.flatten())
            columns.append((own + dy * size + dx).flatten())
    rows, columns = torch.cat(rows), torch.cat(columns)
    values = torch.where(rows == columns, torch.tensor(1.0), torch.tensor(-1 / 24))
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, (size * size,) * 2).coalesce()


class CapVstnetTraining:
    """Style and cycle losses, the matting Laplacian's gradient injected, norm clipped to 5, Adam."""

    def __init__(self, case, device, half):
        size, batch = case["size"], case["batch"]
        self.device, self.half = device, half
        self.net = CapVstnet(case["blocks"], case["channels"]).to(device)
        self.vgg = NormalisedVgg().to(device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-4)
        self.scaler = torch.cuda.amp.GradScaler(enabled=half)
        self.content, self.style = torch.rand(batch, 3, size, size), torch.rand(batch, 3, size, size)
        self.laplacian = [laplacian(size) for _ in range(batch)]

    def parameters(self):
        return {"network": count(self.net), "vgg": count(self.vgg)}

    def style_loss(self, stylized, style):
        loss = 0
        for x, y in zip(self.vgg(stylized), self.vgg(style)):
            loss = loss + sum(F.mse_loss(a, b) for a, b in zip(statistics(x), statistics(y)))
        return loss

    def matting_gradient(self, stylized, matrices):
        size = stylized.shape[-1]
        found = []
        with torch.autocast(self.device, enabled=False):
            for picture, matrix in zip(stylized.detach().float(), matrices):
                columns = picture.flatten(1).t().contiguous()
                found.append(torch.sparse.mm(matrix, columns).t().reshape(picture.shape) * (2 * 1500 / size**2))
        return torch.stack(found).clamp(-0.05, 0.05)

    def __call__(self):
        content, style = self.content.to(self.device), self.style.to(self.device)
        matrices = [matrix.to(self.device) for matrix in self.laplacian]
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device, enabled=self.half):
            of_content, of_style = self.net.encode(content), self.net.encode(style)
            stylized = self.net.decode(cwct(of_content, of_style))
            loss = self.style_loss(stylized, style)
            again = self.net.decode(cwct(self.net.encode(stylized), of_content))
            loss = loss + 10 * F.l1_loss(again.float(), content)
        injected = self.scaler.scale(self.matting_gradient(stylized, matrices))
        stylized.backward(injected.to(stylized.dtype), retain_graph=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return float(loss.detach())


class CapVstnetTransfer:
    def __init__(self, case, device, half):
        self.device, self.half = device, half
        self.net = CapVstnet().to(device).eval()
        self.content, self.style = (torch.rand(1, 3, case["height"], case["width"]) for _ in range(2))

    def parameters(self):
        return {"network": count(self.net)}

    @torch.no_grad()
    def __call__(self):
        content, style = self.content.to(self.device), self.style.to(self.device)
        with torch.autocast(self.device, enabled=self.half):
            mapped = cwct(self.net.encode(content), self.net.encode(style))
            return self.net.decode(mapped).float().clamp(0, 1).cpu()


KINDS = {
    "gaugan step": GauganTraining,
    "gaugan generate": GauganPainting,
    "cap-vstnet step": CapVstnetTraining,
    "cap-vstnet transfer": CapVstnetTransfer,
}
