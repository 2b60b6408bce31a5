"""Images in a container engine, on the docker SDK: build, export, load, run once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algo.engines.build_log import classic_failure, plain
from algo.engines.buildkit import buildkit
from algo.engines.docker_builds import PID_LABEL, REPOSITORY, BuildLeftovers, own_tag
from algo.engines.docker_client import connect
from algo.engines.errors import EngineUnavailable, ImageBuildFailed, ImageMissing
from algo.errors import AlgoError
from algo.languages.interface import Job, Mount
from algo.values import Record, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from docker.api.client import APIClient

    from algo.engines.docker_http import DockerHttp

# Certificates of this machine lie here during a build, in a layer that is never exported.
_BUNDLE = "run/algo-build/ca-certificates.crt"
_APT = f'Acquire::https::CaInfo "/{_BUNDLE}";\n'
_CERTIFICATES = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
_TRUSTING = ("SSL_CERT_FILE", "PIP_CERT", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
# What tools of other languages look at.
_TRUSTING_TOOLS = ("REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO")
_VARIABLES = frozenset(f"{name}=/{_BUNDLE}" for name in _TRUSTING)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY")
_TAIL = 30
_SAID = 400
# Building and exporting take as long as they take.
_PATIENCE = 3600


class ImageBuild(Value, frozen=True):
    """A finished build.

    Args:
        private: The diff ids of the layers that hold the host's certificates.
        began: When it began, in seconds since 1970.
        variables: Those that lead to the host's certificates.
    """

    private: frozenset[str]
    began: int
    variables: frozenset[str] = _VARIABLES


def _nobody_counts(image: str) -> None:
    """Forget that `image` is used."""


class DockerImages(Record):
    """The images of one engine.

    Args:
        address: The engine's address, as `docker_client.find` gives it.
        env: The environment: proxies and certificates for builds, TLS for the engine.
        uses: Told of each image that is used.
    """

    address: str
    env: Mapping[str, str]
    uses: Callable[[str], None] = _nobody_counts
    _client: APIClient | None = None

    @property
    def client(self) -> APIClient:
        """The connected client.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        if self._client is None:
            self._client = connect(self.address, self.env, timeout=_PATIENCE)
        return self._client

    @property
    def _http(self) -> DockerHttp:
        from algo.engines.docker_http import DockerHttp

        return DockerHttp(self.address)

    def has(self, reference: str) -> bool:
        """Tell whether the engine holds the image called `reference`."""
        http = self._http
        inspect = http.inspect if http.usable else self._inspect
        if inspect(reference) is None:
            return False
        self.uses(reference)
        return True

    def layers_of(self, repository: str) -> tuple[tuple[str, ...], ...]:
        """Return the diff ids, in order, of each image tagged in `repository`."""
        http = self._http
        if http.usable and ":" in repository:
            facts = http.inspect(repository)
            return () if facts is None else (facts.layers,)
        if http.usable:
            return tuple(facts.layers for facts in http.images(repository))
        listed = self.client.images(name=repository)
        found = (self._inspect(image["Id"]) for image in listed)
        return tuple(tuple(image["RootFS"].get("Layers") or ()) for image in found if image)

    def build(
        self,
        recipe: bytes,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        platform: str,
        log: Callable[[str], None],
        files: Mapping[str, bytes] | None = None,
    ) -> ImageBuild:
        """Build `recipe` on `base` and call the image `tag`.

        The host's certificates and proxies serve the build and stay out of the image: the
        certificates in a layer of their own, the proxies as arguments that leave no trace.

        Args:
            recipe: A Dockerfile that takes its base as the argument `BASE`.
            base: The image to build on; the engine fetches it when it lacks it.
            tag: What to call the result.
            arguments: Build arguments.
            platform: `linux/amd64`.
            log: Gets each line of the build.
            files: All that it can copy, by name.

        Raises:
            EngineUnavailable: The engine does not answer.
            ImageBuildFailed: The build failed; its last lines are the details.
        """
        began, proxies = int(time.time()), self._proxies()
        try:
            start, private = self._own_base(base, platform)
            self._check_base(base, start, platform)
            given = {**proxies, **arguments, "BASE": start}
            self._build({**(files or {}), "Dockerfile": recipe}, tag, given, platform, log)
            BuildLeftovers(self.address).drop_stages()
        except BaseException:
            # Hanging up is what ends a build; its steps, and a container of one, stay.
            self.client.close()
            with contextlib.suppress(AlgoError):
                BuildLeftovers(self.address).clean_up()
            raise
        self._untag(start)
        self.uses(tag)
        return ImageBuild(private, began)

    def digest_of(self, image: str, platform: str) -> str:
        """Return the digest of `image` in its registry, its id where it is in none; fetched first.

        Raises:
            ImageMissing: Neither the engine nor the registry has it.
        """
        facts = self._inspect(image)
        if facts is None or f"{facts['Os']}/{facts['Architecture']}" != platform:
            from docker.errors import APIError

            try:
                self.client.pull(image, platform=platform if self._foreign(platform) else None)
            except APIError as error:
                text = f"there is no {image} for {platform}: {error.explanation or error}"
                raise ImageMissing(
                    text, hint=f"docker pull --platform {platform} {image}"
                ) from error
            facts = self._inspect(image) or {}
        known = [str(one).rpartition("@")[2] for one in facts.get("RepoDigests") or ()]
        return known[0] if known else str(facts.get("Id", ""))

    def build_on(
        self,
        recipe: Callable[[Mapping[str, str]], bytes],
        files: Mapping[str, tuple[Path | bytes, bool]],
        bases: Mapping[str, str],
        tag: str,
        platform: str,
        log: Callable[[str], None],
    ) -> ImageBuild:
        """Build somebody's Dockerfile with BuildKit; see `ImageEngine.build_on`.

        Certificates and proxies are handled as in `build`: each base is taken with a layer above
        that is left out of what is exported.
        """
        began, private, replaced = int(time.time()), frozenset[str](), dict[str, str]()
        try:
            for base, source in bases.items():
                replaced[base], hidden = self._own_base(source, platform)
                self._check_base(source, replaced[base], platform)
                private |= hidden
            foreign = platform if self._foreign(platform) else ""
            proxies = self._proxies()
            buildkit(self.address, self.env, recipe(replaced), files, tag, foreign, proxies, log)
        finally:
            for start in replaced.values():
                self._untag(start)
        self.uses(tag)
        return ImageBuild(private, began)

    def export(self, reference: str) -> Iterator[bytes]:
        """Return the image as the stream of a docker archive.

        Raises:
            ImageMissing: The engine does not hold it.
        """
        if not self.has(reference):
            raise ImageMissing(f"the engine has no image {reference}")
        stream: Iterator[bytes] = self.client.get_image(reference, chunk_size=1 << 20)
        return stream

    def load(self, archive: Iterable[bytes]) -> str:
        """Load a docker archive; return why the engine refused it, empty when it did not.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        http = self._http
        if http.usable:
            return http.load(archive)
        from docker.errors import DockerException

        try:
            client: Any = self.client
            answers = list(client.load_image(archive))
        except DockerException as error:
            return str(error)
        problems = [str(answer["error"]) for answer in answers if "error" in answer]
        return "; ".join(problems)

    def touch(self, reference: str) -> None:
        """Tag the image again, which sets the time that `prune` goes by."""
        self.uses(reference)
        http = self._http
        if http.usable:
            http.tag(reference)

    def remove(self, reference: str) -> None:
        """Forget the name `reference`, and the image when nothing else needs it."""
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            self.client.remove_image(reference)

    def _untag(self, reference: str) -> None:
        from docker.errors import NotFound

        with contextlib.suppress(NotFound):
            self.client.remove_image(reference, noprune=True)

    def prune(self, repository: str, *, keep: int) -> None:
        """Remove the images of `repository` but the `keep` tagged last and those in use."""
        http = self._http
        if not http.usable:
            return
        found = sorted(http.images(repository), key=lambda facts: facts.tagged, reverse=True)
        for facts in found[keep:]:
            http.remove(facts.Id)

    def run(self, reference: str, command: list[str], folder: Path, place: str) -> str:
        """Run `command` as this user, without network, with `folder` writable at `place`.

        Returns:
            Why it failed, empty when it did not.
        """
        environment = {"PYTHONHASHSEED": "0", "HOME": "/tmp"}
        job = Job(tuple(command), (Mount(folder, place, writable=True),), "", environment)
        code, said = self.work(reference, job, tail=_TAIL)
        return said if code else ""

    def work(self, reference: str, job: Job, *, tail: int = _SAID) -> tuple[int, str]:
        """Run `job` as this user; return its exit code and its last lines."""
        from docker.errors import DockerException

        client = self.client
        environment = {**(self._outwards() if job.network else {}), **job.environment}
        mounts, network = list(job.mounts), "none"
        if job.network:
            bundle = self._bundle()
            mounts += [Mount(bundle, f"/{_BUNDLE}")] if bundle else []
            network = "host" if _local(environment) else "bridge"
        try:
            host = client.create_host_config(
                binds=[
                    f"{one.here}:{one.there}:{'rw' if one.writable else 'ro'}" for one in mounts
                ],
                network_mode=network,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
            )
            container = client.create_container(
                reference,
                list(job.command),
                user=f"{os.getuid()}:{os.getgid()}",
                environment=environment,
                working_dir=job.folder or None,
                host_config=host,
                labels={PID_LABEL: str(os.getpid())},
            )
        except DockerException as error:
            return 1, str(error)
        try:
            client.start(container)
            code = int(client.wait(container)["StatusCode"])
            said: bytes = client.logs(container, tail=tail)
            return code, "\n".join(map(plain, said.decode(errors="replace").splitlines()))
        except DockerException as error:
            return 1, str(error)
        finally:
            client.remove_container(container, force=True, v=True)

    def _inspect(self, reference: str) -> Any:
        from docker.errors import APIError

        client: Any = self.client
        try:
            return client.inspect_image(reference)
        except APIError as error:
            # 400: it is no name of an image; what fetches it says what is wrong with it.
            if error.status_code not in {400, 404}:
                raise
            return None

    def _own_base(self, base: str, platform: str) -> tuple[str, frozenset[str]]:
        """Return `base` with our label, which steps inherit, and with the host's certificates."""
        recipe = ["ARG BASE", "FROM ${BASE}", f"LABEL {PID_LABEL}={os.getpid()}"]
        files: dict[str, bytes] = {}
        bundle = self._bundle()
        if bundle is not None:
            recipe += ["COPY root /", *(f"ENV {name}=/{_BUNDLE}" for name in _TRUSTING)]
            files[f"root/{_BUNDLE}"] = bundle.read_bytes()
            files["root/etc/apt/apt.conf.d/99-algo-build"] = _APT.encode()
        files["Dockerfile"] = "\n".join(recipe).encode()
        key = hashlib.sha256("\0".join([base, *files]).encode()).hexdigest()[:12]
        tag = own_tag(f"{REPOSITORY}/base:{key}")
        self._build(files, tag, {"BASE": base}, platform, lambda line: None)
        below = self._layers(base)
        return tag, frozenset(self._layers(tag)[len(below) :])

    def _check_base(self, base: str, own: str, platform: str) -> None:
        """Refuse a base for another platform, which engines take without a word."""
        facts = self._inspect(own) or {}
        found = f"{facts.get('Os', '')}/{facts.get('Architecture', '')}"
        if found != platform:
            self._untag(own)
            raise ImageBuildFailed(f"the engine has {base} for {found}, not for {platform}")

    def _layers(self, reference: str) -> list[str]:
        image = self._inspect(reference)
        if image is None:
            raise ImageMissing(f"the engine has no image {reference}")
        return list(image["RootFS"]["Layers"])

    def _build(
        self,
        files: Mapping[str, bytes],
        tag: str,
        arguments: Mapping[str, str],
        platform: str,
        log: Callable[[str], None],
    ) -> None:
        from docker.errors import APIError

        lines: list[str] = []
        try:
            for answer in self.client.build(
                fileobj=_context(files),
                custom_context=True,
                tag=tag,
                rm=True,
                nocache=True,
                forcerm=True,
                decode=True,
                buildargs=dict(arguments),
                network_mode="host" if _local(arguments) else None,
                platform=platform if self._foreign(platform) else None,
            ):
                text = str(answer.get("stream") or answer.get("error") or "").rstrip()
                lines += map(plain, text.splitlines())
                for line in text.splitlines():
                    log(plain(line))
                if "error" in answer:
                    failure = classic_failure(lines)
                    raise ImageBuildFailed(
                        f"the engine could not build the image: {failure.sentence}",
                        details=failure.details,
                    )
        except APIError as error:
            raise ImageBuildFailed(f"the engine could not build the image: {error}") from error
        except ImageBuildFailed:
            raise
        except Exception as error:
            # What the SDK raises when an answer breaks off is its HTTP library's, and not its own.
            raise EngineUnavailable(
                f"the container engine stopped answering while it built: {error}"
            ) from error

    def _bundle(self) -> Path | None:
        """Return the file of the certificates that this machine trusts, None without one."""
        bundles = [Path(self.env[name]) for name in _CERTIFICATES if self.env.get(name)]
        return bundles[0].absolute() if bundles and bundles[0].is_file() else None

    def _outwards(self) -> dict[str, str]:
        """Return what a program needs to reach others from a container as from this machine."""
        bundle = self._bundle()
        names = (*_TRUSTING, *_TRUSTING_TOOLS) if bundle else ()
        return {**self._proxies(), **{name: f"/{_BUNDLE}" for name in names}}

    def _proxies(self) -> dict[str, str]:
        return {name: self.env[name] for name in _spellings(_PROXIES) if self.env.get(name)}

    def _foreign(self, platform: str) -> bool:
        version = self.client.version()
        return platform != f"{version.get('Os', 'linux')}/{version.get('Arch', '')}"


def _local(values: Mapping[str, str]) -> bool:
    """Tell whether one leads to this machine's loopback, which only the host's network reaches."""
    return any(
        "127.0.0.1" in value or "localhost" in value
        for name, value in values.items()
        if not name.upper().startswith("NO_")
    )


def _spellings(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name
        yield name.lower()


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(files[name]), 0o644
            archive.addfile(info, io.BytesIO(files[name]))
    target.seek(0)
    return target
