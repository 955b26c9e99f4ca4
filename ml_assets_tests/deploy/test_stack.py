"""deploy/aws.yaml as a stack, made by moto's CloudFormation. What moto does not make, deploy/aws.yaml says itself."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from ml_assets_tests.deploy.cloud import BUCKET, policy
from ml_assets_tests.deploy.conftest import DEPLOY

POLICIES = ("Reading", "Writing", "Sharing", "Collecting", "Logs", "Landing")
QUEUE = "arn:aws:sqs:eu-central-1:111122223333:landed"
PARAMETERS = {
    "BucketName": BUCKET,
    "LandingQueueArn": QUEUE,
}  # moto leaves a null where AWS::NoValue takes an entry away


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    """Its outputs, the documents of its policies, and what moto warned of."""
    import boto3
    from moto import mock_aws

    with pytest.MonkeyPatch.context() as patch:
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
            patch.setenv(f"AWS_{name}", "x")
        with mock_aws(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            cloudformation = boto3.client("cloudformation", "eu-central-1")
            given = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()]
            cloudformation.create_stack(
                StackName="ml-assets", TemplateBody=(DEPLOY / "aws.yaml").read_text(), Parameters=given
            )
            (made,) = cloudformation.describe_stacks(StackName="ml-assets")["Stacks"]
            outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
            iam = boto3.client("iam", "eu-central-1")
            documents = {name: _document(iam, outputs[name]) for name in POLICIES}
            buckets = [each["Name"] for each in boto3.client("s3", "eu-central-1").list_buckets()["Buckets"]]
    return {
        "status": made["StackStatus"],
        "outputs": outputs,
        "documents": documents,
        "buckets": buckets,
        "warned": [str(each.message) for each in warned if each.category is UserWarning],
    }


def _document(iam: Any, arn: str) -> dict[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document: dict[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return document


@pytest.mark.slow
def test_the_stack_makes_the_bucket_and_says_what_roles_are_to_carry(stack):
    assert stack["status"] == "CREATE_COMPLETE"
    assert stack["buckets"] == [stack["outputs"]["Bucket"]] == [BUCKET]
    assert stack["outputs"].keys() == {"Bucket", *POLICIES}


@pytest.mark.slow
@pytest.mark.parametrize("name", POLICIES)
def test_its_policies_are_those_that_the_other_tests_are_about(stack, name):
    statements = [each for each in stack["documents"][name]["Statement"] if each.get("Resource") != QUEUE]

    assert statements == [{**each} for each in policy(name)]
    assert len(stack["documents"][name]["Statement"]) - len(statements) == (name == "Reading")


@pytest.mark.slow
def test_only_the_buckets_policy_is_beyond_moto(stack):
    assert {text.split("parse ")[1].split(" ")[0] for text in stack["warned"]} == {"AWS::S3::BucketPolicy"}
