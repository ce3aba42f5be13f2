"""Models to and from the Hugging Face hub, through its client, which is an extra of this package."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hydromae.base.errors import RunError

_LOG_IN: Final = "log in with `hf auth login`, or set HF_TOKEN"
_REFUSED: Final = (401, 403)


def upload(
    folder: Path,
    name: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    branch: str | None = None,
    commit_message: str = "A HydroMAE model",
    **options: Any,
) -> str:
    """Upload the files of a folder to a repository of the hub, in one commit; makes it where there is none.

    Args:
        folder: its content is uploaded.
        name: of the repository, as `user/name`.
        private: whether a new repository is; None: as the account has it.
        token: of the user; None: the one that is logged in.
        branch: to commit to; None: the main one.
        commit_message: of the commit.
        options: as of `huggingface_hub.HfApi.upload_folder`: create_pr, allow_patterns, ignore_patterns, more.

    Returns:
        Address of the commit.

    Raises:
        RunError: the client is not installed, the hub cannot be reached, or it refuses.
    """
    with _errors_in_words(name, "is no repository that you may write to"):
        from huggingface_hub import HfApi

        api = HfApi(token=token)
        whole_name = api.create_repo(name, private=private, exist_ok=True).repo_id
        return str(
            api.upload_folder(
                repo_id=whole_name, folder_path=folder, revision=branch, commit_message=commit_message, **options
            )
        )


def download(name: str, files: list[str], **options: Any) -> Path:
    """The folder of a model on the hub, downloaded unless the cache holds it.

    Args:
        name: as `user/name`.
        files: of it, to download.
        options: as of `huggingface_hub.snapshot_download`: revision, token, cache_dir, local_files_only, more.

    Raises:
        RunError: the client is not installed, the model is not there, or the hub cannot be reached.
    """
    with _errors_in_words(name, "is neither a folder here nor a model on the Hugging Face hub that you may read"):
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, allow_patterns=files, **options))


@contextmanager
def _errors_in_words(name: str, refusal: str) -> Iterator[None]:
    """Turn errors of the hub and the network, and a client that is not installed, into one sentence."""
    try:
        from huggingface_hub.errors import (  # type: ignore[attr-defined]  # its HTTP client's error
            HfHubHTTPError,
            HFValidationError,
            HTTPError,
            LocalTokenNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError:
        raise RunError(
            f"{name}: the Hugging Face hub is used through its client, which is not installed; run "
            f"`pip install 'hydromae[hub]'`, or use a folder (there is no {name} in {Path.cwd()})"
        ) from None
    try:
        yield
    except HFValidationError:
        raise RunError(f"{name}: is no name of a model on the Hugging Face hub; write it as user/name") from None
    except RevisionNotFoundError:
        raise RunError(f"{name}: has no such revision on the Hugging Face hub; name a branch, tag or commit") from None
    except (RepositoryNotFoundError, LocalTokenNotFoundError):
        raise RunError(f"{name}: {refusal}; correct the name, or {_LOG_IN}") from None
    except (HTTPError, OSError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if status in _REFUSED:
            raise RunError(f"{name}: {refusal} (the hub answers {status}); correct the name, or {_LOG_IN}") from None
        reason = f"the hub answers {status}" if status else _first_sentence(error.__cause__ or error)
        raise RunError(
            f"{name}: the Hugging Face hub cannot be used ({reason}); try again with a network, or use a folder (there "
            f"is no {name} in {Path.cwd()})"
        ) from error


def _first_sentence(error: BaseException) -> str:
    return " ".join(str(error).split()).split(". ")[0].rstrip(".") or type(error).__name__
